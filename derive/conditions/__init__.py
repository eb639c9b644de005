"""Conditions that follow from an objective: stationarity, the plain level, the layer recursion, the flow, stability."""
