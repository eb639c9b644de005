"""Towards full replica symmetry breaking: many levels, their limit, the Parisi flow and stability."""
