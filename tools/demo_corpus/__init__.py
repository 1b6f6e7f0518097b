"""The composer of the demo corpus: original voices, laid out like a musician's folder of banks.

`python -m tools.demo_corpus data/demo` rebuilds the folder. `corpus.compose_corpus` returns the files as bytes,
`corpus.write_corpus` writes them. Patch sheets are in `families`, damaged and foreign files in `planted_files`.
"""
