"""Sweeps over grids of parameters, restartable and parallel."""
