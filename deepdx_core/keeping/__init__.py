"""Ratings, notes and collections: a user's taste and lists of voices, kept in the state as CSV files."""
