"""The writer: an autoregressive transformer over the 145 parameters of a voice, conditioned on a parent voice."""
