"""What every derivation stands on: formulas and steps, symbols with their domains, Gaussian expectations, maxima."""
