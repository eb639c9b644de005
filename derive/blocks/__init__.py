"""The terms an objective is made of: the sphere, the Gaussian tower, the innermost expectation, hidden layers."""
