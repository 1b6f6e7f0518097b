"""The folders of the page's own files."""

from importlib.resources import files
from pathlib import Path

WEB = Path(str(files("deepdx_explorer"))) / "web"
ENGINE = Path(str(files("deepdx_core.sound.engine"))) / "browser"
"""The DX7 as an AudioWorklet."""
