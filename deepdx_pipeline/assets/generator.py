"""From the splits to new banks: the model, and what it writes."""
