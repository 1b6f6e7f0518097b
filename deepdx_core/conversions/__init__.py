"""Voices of one synthesizer made playable on another, each with a list of everything that was not carried over."""
