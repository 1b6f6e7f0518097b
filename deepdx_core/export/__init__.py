"""The corpus as a dataset folder for machine learning: Parquet files by split, a card, rendered clips."""
