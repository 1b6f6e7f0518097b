"""What `mkdocs build` adds to the pages in `docs`: hooks, and reference pages derived from the code."""
