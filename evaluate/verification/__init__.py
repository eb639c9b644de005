"""Verdicts on formulas: the registry's entries and the claims of a user's file."""
