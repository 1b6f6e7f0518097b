"""The tables of the corpus: what their columns are, and how a table is kept on disk."""
