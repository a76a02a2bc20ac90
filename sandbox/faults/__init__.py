"""Faults that can be switched on and off while everything runs. See `registry` for what there is."""
