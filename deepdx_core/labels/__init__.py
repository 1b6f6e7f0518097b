"""The category and training label of each voice: taxonomy, evidence from names and parameters, and reports."""
