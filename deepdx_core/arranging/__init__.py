"""Voices arranged for banks: in an order, without empty ones and those that sound alike."""
