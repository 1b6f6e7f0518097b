"""Files, folders, archives and downloads to bytes, and a survey of their contents. Nothing is unpacked to disk."""
