"""The tables of the corpus: their schemas, by stage of the pipeline, and their storage on disk."""
