"""Speed, side by side with what a person would otherwise use, as ratios within one run. Never a test."""
