"""Judgement over voices: whether one is sound, which are the same, which the models may train on."""
