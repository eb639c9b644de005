"""Proved statements: certificates, their independent checker, and enclosures of stationary values."""
