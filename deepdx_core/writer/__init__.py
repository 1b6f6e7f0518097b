"""The writer: an autoregressive transformer over the 145 parameters of a voice, conditioned on a parent voice.

`model` is the network, `layout` the order of its parameters, `parents` the voices it starts from, `batches` its
training set and conditions, `config`, `training` and `history` its training, `sampling` drawing voices from it.
"""
