"""Stationary points: starts, continuation in the level, Newton at rising precision."""
