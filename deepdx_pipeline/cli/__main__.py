"""`python -m deepdx_pipeline.cli`, for where the command is not on the path."""

from deepdx_pipeline.cli.app import main

main()
