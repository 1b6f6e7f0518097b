"""The `deepdx` command, run in the process of the tests."""

import sys
from unittest.mock import patch

import pytest

from deepdx_pipeline.cli.app import main


def run_deepdx(capsys, *arguments):
    """Run `deepdx` with some arguments. Return its exit code, stdout and stderr."""
    with patch.object(sys, "argv", ["deepdx", *map(str, arguments)]), pytest.raises(SystemExit) as end:
        main()
        sys.exit(0)
    captured = capsys.readouterr()
    return end.value.code or 0, captured.out, captured.err
