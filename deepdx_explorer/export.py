"""Exports: voices as a folder with a page that shows and plays them from a disk, without a server."""

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.files import folder_written_whole
from deepdx_core.keeping.collections import Collection
from deepdx_core.progress import Report, silent
from deepdx_core.sound.audio_files import encode
from deepdx_core.sound.loudness import match_loudness
from deepdx_core.sound.phrases import LABEL_PHRASES, guess_labels, render_in_batches
from deepdx_explorer.files import ENGINE, WEB
from deepdx_explorer.sheets import describe_voice

MAX_VOICES = 512

_VOICES = "voices.js"

_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{title}</title>
    <link rel="stylesheet" href="style.css">
  </head>
  <body data-view="share">
    <header><h1>{title}</h1><a href="{bank}" download>Save .syx</a></header>
    <p id="notice" role="status"></p>
    <div id="columns">
      <main id="view"><ol id="list" class="voices"></ol></main>
      <aside id="voice" aria-label="Voice"></aside>
    </div>
    <footer id="player"></footer>
    <script src="voices.js"></script>
    <script src="page.js"></script>
  </body>
</html>
"""

_PAGE_MODULES = (
    ENGINE / "ranges.js",
    ENGINE / "synth.js",
    *(WEB / f"{name}.js" for name in ("dom", "hex", "drawing", "phrase")),
)
_PROCESSOR_MODULES = tuple(ENGINE / f"{name}.js" for name in ("tables", "ranges", "voice", "processor"))
_PROCESSOR_ADDRESS = 'new URL("./processor.js", import.meta.url)'


def export_page(folder: Path, title: str, voices: Collection, *, force: bool = False, report: Report = silent) -> None:
    """Write voices to a folder: a page, its scripts, a clip of each voice as MP3, and the banks.

    The folder is there whole or not at all. force: replace an earlier page. Raises OutputError if something is in the
    way, and DeepDXError for no voices or more than `MAX_VOICES`.
    """
    if not 1 <= len(voices) <= MAX_VOICES:
        raise DeepDXError(f"{len(voices):,} voices: a page has 1 to {MAX_VOICES}")
    labels = guess_labels(voices.parameters)
    phrases = [LABEL_PHRASES[label] for label in labels]
    with folder_written_whole(folder, force, _files_of_page) as staged:
        (staged / "clips").mkdir()
        sheets: list[dict[str, Any]] = []
        for batch in render_in_batches(voices.parameters, phrases):
            for clip in match_loudness(batch):
                number = len(sheets)
                path = staged / "clips" / f"{number + 1:03}.mp3"
                path.write_bytes(encode(clip, "mp3"))
                sheet = describe_voice(voices.parameters[number], voices.names[number], labels[number], None)
                sheets.append(sheet | {"clip": f"clips/{path.name}"})
                report("voices", len(sheets), len(voices))
        (staged / _VOICES).write_text(f"var VOICES = {json.dumps(sheets, default=_to_json)};\n")
        (staged / "page.js").write_text(_page_script())
        (staged / "style.css").write_text((WEB / "style.css").read_text())
        (staged / "bank.syx").write_bytes(b"".join(voices.to_banks()))
        (staged / "index.html").write_text(_PAGE.format(title=html.escape(printable(title)), bank="bank.syx"))


def _files_of_page(folder: Path) -> set[str]:
    """Return the paths that a page at `folder` may have, none if it is none."""
    if not (folder / _VOICES).is_file():
        return set()
    clips = (f"clips/{number:03}.mp3" for number in range(1, MAX_VOICES + 1))
    return {_VOICES, "page.js", "style.css", "bank.syx", "index.html", *clips}


def _to_json(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _page_script() -> str:
    """Return the page's modules as one classic script. The processor is a string in it, loaded as a blob."""
    processor = "\n".join(map(_without_modules, _PROCESSOR_MODULES))
    modules = [ENGINE / "tables.js", *_PAGE_MODULES, WEB / "share.js"]
    script = "\n".join(map(_without_modules, modules))
    if script.count(_PROCESSOR_ADDRESS) != 1:
        raise AssertionError("synth.js names its processor in another way")
    blob = f"URL.createObjectURL(new Blob([{json.dumps(processor)}], {{ type: 'text/javascript' }}))"
    return f"(() => {{\n{script.replace(_PROCESSOR_ADDRESS, blob)}\n}})();\n"


def _without_modules(path: Path) -> str:
    """Return a module as part of a classic script: without imports, its exports as plain declarations."""
    text = re.sub(r"^import\s[^;]*;\n", "", path.read_text(), flags=re.MULTILINE)
    return re.sub(r"^export (?=(?:async )?(?:const|let|class|function)\b)", "", text, flags=re.MULTILINE)
