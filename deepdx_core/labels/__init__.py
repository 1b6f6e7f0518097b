"""The category and training label of each voice: taxonomy, evidence from names, parameters and audio, and reports."""
