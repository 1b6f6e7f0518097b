"""What kind of sound a voice is: the taxonomy, and labels from the names voices were given."""
