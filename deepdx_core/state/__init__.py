"""The state of a home, which no run can recompute: open, migrate, back up, restore. `tables` stores its tables."""
