"""Files, folders, archives and downloads to bytes, and a first look at what each is. Nothing is unpacked to disk."""
