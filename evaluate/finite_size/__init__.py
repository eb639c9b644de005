"""Finite sizes: exact and empirical injectivity of weight matrices."""
