"""The public values: capacities, energies, chains of layers, verdicts on layer sizes."""
