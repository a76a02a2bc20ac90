"""Probabilistic matching: columns → model → scores → clusters."""
