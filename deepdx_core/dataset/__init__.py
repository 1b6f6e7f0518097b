"""The training set: splits that do not leak, voices as arrays, distances between them."""
