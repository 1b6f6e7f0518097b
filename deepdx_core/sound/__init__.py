"""Voices as they sound: rendering them with Dexed's engine, what a clip measures, which sounds are nearly alike."""
