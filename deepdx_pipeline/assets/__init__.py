"""The assets, in the order in which data flows: `sources`, `corpus`, `curation`, `labels`, `generator`."""
