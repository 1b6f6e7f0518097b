"""Programs that make parts of this repository; none is installed."""
