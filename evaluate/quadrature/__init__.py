"""Gaussian towers on grids: the plan of a grid, towers of one field and of two."""
