"""Generators that every model is reported beside."""
