"""Which sounds are sound: measures, the corruption score, the rules over both, and the verdicts."""
