"""Parts of every training run: settings, checkpoints, determinism. No model here."""
