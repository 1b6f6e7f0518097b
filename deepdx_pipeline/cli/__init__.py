"""The `deepdx` command: one module per group of commands, assembled in `app`."""

from deepdx_pipeline.cli.app import main

__all__ = ["main"]
