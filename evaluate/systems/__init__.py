"""Objectives as functions of numbers: value and exact gradient at the parameters of a network and a level."""
