"""The README of the corpus."""

from collections import Counter

from deepdx_core.voice.parameters import VMEM_VOICES
from tools.demo_corpus.families import FAMILIES
from tools.demo_corpus.planted_files import PlantedFile
from tools.demo_corpus.voices import Voices

README = "README.md"

_TEXT = """# A demo corpus of DX7 voices

{sounds:,} sounds in {families} families, composed by the program in `tools/demo_corpus` from patch sheets of its own.
They are not copies of anyone's voices. Like the program they are under the Apache License, Version 2.0.

Do not edit the files; edit the sheets and rebuild:

    python -m tools.demo_corpus data/demo

The same bytes come out on every machine.

## What lies here

| Folder | Files | What |
|---|---:|---|
{folders}

Voices by kind, as composed: {labels}.
About eight in a hundred names say nothing. About half of the voices have a near twin: a variant in which at most eight
of the 145 values differ.

## The planted mess

These files stand for what is found in collections. *Slots* are the 6-operator voice slots a reader should find in the
file; *sounds* are those of them that hold a legal voice other than INIT VOICE.

| File | What it is | Slots | Sounds |
|---|---|---:|---:|
{mess}
"""

_FOLDERS = {
    "Backup": "whole banks of the other folders once more: copies, on another channel, without a frame (`.bin`)",
    "Friends": "voices of the other folders again, most of them under other names",
    "From the net": "the mess, see below",
    "Mixed": "banks of all kinds",
    "Singles": "single-voice dumps, see below",
}


def format_readme(planted: list[PlantedFile], voices: Voices, files: dict[str, bytes]) -> bytes:
    """Return the README. files: all other files of the corpus."""
    counts = Counter(path.split("/")[0] for path in files)
    kind = f"banks of {VMEM_VOICES} voices of one kind"
    labels = Counter(FAMILIES[number].label for number in voices.families.tolist())
    return _TEXT.format(
        sounds=len(voices),
        families=len(FAMILIES),
        folders="\n".join(f"| {name} | {counts[name]} | {_FOLDERS.get(name, kind)} |" for name in sorted(counts)),
        labels=", ".join(f"{name} {count}" for name, count in sorted(labels.items())),
        mess="\n".join(f"| `{file.path}` | {file.description} | {file.slots} | {file.sounds} |" for file in planted),
    ).encode()
