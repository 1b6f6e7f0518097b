"""Baselines: the generators that every model is compared with."""
