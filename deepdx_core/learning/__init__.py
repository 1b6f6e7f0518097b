"""What training runs have in common: settings as data, checkpoints, the same result each time. No model here."""
