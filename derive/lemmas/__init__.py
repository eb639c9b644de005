"""Lemmas that the proofs of values and counts use."""
