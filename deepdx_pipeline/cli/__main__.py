"""Entry point of `python -m deepdx_pipeline.cli`."""

from deepdx_pipeline.cli.app import main

main()
