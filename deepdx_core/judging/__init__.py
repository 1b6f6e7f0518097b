"""Training of judges on a corpus. Judges that are trained already are in `judges`."""
