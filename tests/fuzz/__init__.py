"""Readers under fire: seeded valid and damaged inputs for each, with an oracle."""
