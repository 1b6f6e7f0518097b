"""What cannot be made anew: opening it, migrating it, backing it up. Its tables are read and written by `tables`."""
