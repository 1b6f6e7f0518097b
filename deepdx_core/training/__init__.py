"""Parts shared by all training runs: settings, checkpoints, determinism. No model here."""
