"""The `deepdx` command: one module a group of commands, put together in `app`."""

from deepdx_pipeline.cli.app import main

__all__ = ["main"]
