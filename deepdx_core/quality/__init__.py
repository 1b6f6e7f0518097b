"""Verdicts on sounds: measures, the corruption score, rules over both, and the verdicts with their findings."""
