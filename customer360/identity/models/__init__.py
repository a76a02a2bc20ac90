"""Trained models: training, evaluation, the gate and the registry of those in use."""
