"""Proved statements: certificates, their independent checkers, and enclosures of stationary values."""
