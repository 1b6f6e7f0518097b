"""Audio of voices: rendering with Dexed's engine, features of rendered clips, and levels predicted from parameters."""
