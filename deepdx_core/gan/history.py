"""The history of a GAN's training."""

HISTORY = ("step", "discriminator_loss", "generator_loss", "validation_c2st")
"""Columns of a history: mean losses since the row before, and the C2ST of `deepdx_core.evaluation.metrics.c2st`."""
