"""Programs that generate parts of this repository. None is installed."""
