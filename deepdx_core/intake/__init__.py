"""Files, folders and archives to bytes, and a first look at what each is. Nothing here is ever unpacked to disk."""
