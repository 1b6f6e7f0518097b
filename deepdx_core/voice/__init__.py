"""What a DX7 voice is: its parameters and its algorithms, as data. No bytes, files or tables here."""
