"""Files, folders, archives and downloads to bytes, and a survey of what they are. Nothing is unpacked to disk."""
