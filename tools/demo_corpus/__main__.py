"""Write the demo corpus: `python -m tools.demo_corpus FOLDER`."""

import argparse
from pathlib import Path

from tools.demo_corpus.corpus import write_corpus


def main() -> None:
    """Write the corpus into the folder named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo_corpus", description="Write the demo corpus.")
    parser.add_argument("folder", type=Path, help="where to write, for example data/demo")
    write_corpus(parser.parse_args().folder)


if __name__ == "__main__":
    main()
