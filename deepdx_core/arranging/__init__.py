"""Voices arranged for banks: in an order, without those that nobody misses."""
