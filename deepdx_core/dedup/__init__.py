"""Which sounds are the same: to the byte, after repair, to the ear, and by descent."""
