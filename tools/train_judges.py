"""Train the judges of the package on a public collection, and write them into the package.

`python -m tools.train_judges CORPUS [DATA]` takes a file, folder or archive of banks, as `deepdx add` does; DATA
describes it on the cards. The judges in the package come from `dx7-library.zip`, a public collection of 4,131 files.
Raise `CURATION_VERSION` and `LABELS_VERSION` afterwards.
"""

import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from deepdx_core import judges
from deepdx_core.files import written_whole
from deepdx_core.home import Home
from deepdx_core.judges.judge import to_file
from deepdx_core.judging.train import train_judges
from deepdx_pipeline.cli.console import progress_bar


def main() -> None:
    """Run the pipeline on the collection in a temporary home, train, and write."""
    corpus = sys.argv[1]
    data = sys.argv[2] if len(sys.argv) > 2 else Path(corpus).name
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"DEEPDX_HOME": folder}
        for arguments in (("add", corpus), ("run", "--without", "training")):
            command = [sys.executable, "-m", "deepdx_pipeline.cli", *arguments]
            subprocess.run(command, env=environment, check=True)  # noqa: S603 - our own command
        with progress_bar() as report:
            trained = train_judges(Home(Path(folder)), data, f"{datetime.now(UTC):%Y-%m-%d}", report)
    for judge in trained:
        with written_whole(Path(judges.__path__[0]) / f"{judge.card.kind}.safetensors") as temporary:
            temporary.write_bytes(to_file(judge))
        print(judge.card.kind, judge.version, judge.card.measures)


if __name__ == "__main__":
    main()
