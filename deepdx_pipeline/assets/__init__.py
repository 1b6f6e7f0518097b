"""The assets, in the order in which data flows: `corpus` (inbox to splits and database), then `generator`."""
