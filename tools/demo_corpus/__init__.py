"""The composer of the demo corpus: voices of our own, laid out as the folder of banks a musician would have.

`corpus.compose_corpus` gives the files as bytes, `corpus.write_corpus` writes them, and
`python -m tools.demo_corpus data/demo` rebuilds the folder. The families' patch sheets stand in `families`, the planted
mess in `mess`.
"""
