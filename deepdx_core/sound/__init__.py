"""Audio of voices: the DX7 engine, rendering, audio files, features of clips, and levels predicted from parameters."""
