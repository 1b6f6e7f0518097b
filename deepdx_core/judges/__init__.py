"""Judges: trained classifiers of sounds, shipped with the package or trained on one's own corpus. No training here."""
