"""The dataset card of an export, and its data dictionary. Names from other people's files are not quoted in them."""

from collections.abc import Iterable, Mapping

import polars as pl

from deepdx_core.export.clips import Clips
from deepdx_core.versions import CURATION_VERSION, ENGINE_VERSION, LABELS_VERSION, READER_VERSION

_COLUMNS = {
    "sound_id": "digest of the 145 parameters; equal sounds have equal ids",
    "split": "train, validation, test, or withheld",
    "label": "training label",
    "category": "fine category behind the label",
    "confidence": "calibrated probability of the category, 0 to 1; 1 if a person decided",
    "decided_by": "evidence that decided the label: names, model, family, folders, combination, user or nothing",
    "algorithm": "algorithm as on the panel, 1 to 32",
    "name": "name in the most files",
    "names": "all names that the sound was found under",
    "files": "number of distinct files with the sound",
    "family_id": "family: near-duplicates by parameters or by ear; a family is in one split",
    "split_reason": "why it is in its split",
    "parameters": "the 145 parameters in VCED order, as integers; `parameters.json` has names and ranges",
}
_CLIP_COLUMNS = {
    "audio": "clip as FLAC, 16 bits, scaled to a peak of 1",
    "sound_id": "sound of the clip",
    "label": "training label of the sound",
    "note": "MIDI note, 0 to 127; 60 is middle C",
    "velocity": "MIDI velocity, 1 to 127",
    "peak": "peak before it was scaled; a carrier at full level has 1",
}


_EXAMPLE = """```python
from datasets import load_dataset

voices = load_dataset("PATH", "voices")
print(voices["train"][0]["name"], voices["train"][0]["label"])
```"""


def data_dictionary(clips: Clips | None) -> str:
    """Return the meaning of each column, in Markdown."""
    parts = ["# Columns", "## voices", _table(("column", "meaning"), _COLUMNS.items())]
    if clips:
        parts += ["## audio", _table(("column", "meaning"), _CLIP_COLUMNS.items())]
    return "\n\n".join(parts) + "\n"


def card(rows: pl.DataFrame, verdicts: pl.DataFrame, counts: Mapping[str, int], clips: Clips | None) -> str:
    """Return the dataset card: `README.md`, with the front matter that the `datasets` library reads.

    rows: from `folder.dataset_rows`. verdicts: the verdict of each sound of the corpus. counts: voices by split.
    """
    by_label = rows.group_by("label").agg(
        pl.len().alias("voices"), pl.col("family_id").n_unique().alias("families"), pl.col("confidence").mean()
    )
    labels = [
        (_plain(label), f"{voices:,}", f"{families:,}", f"{confidence:.2f}")
        for label, voices, families, confidence in by_label.sort("voices", "label", descending=[True, False]).rows()
    ]
    left_out = verdicts.filter(pl.col("verdict") != "valid")["verdict"].value_counts(sort=True)
    excluded = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(left_out.rows(), key=lambda row: -row[1]))
    reasons = rows.group_by("split", "split_reason").len().sort("split", "len", descending=[False, True]).rows()
    sections = [
        _front_matter(counts, clips),
        "# DX7 voices",
        "Voices of the Yamaha DX7 (145 parameters each), collected from banks, curated and labeled by Deep DX. Voices "
        "are other people's work: nothing is said here about their license.",
        _EXAMPLE,
        "## Splits",
        _table(("split", "voices", "reason"), [(split, f"{count:,}", _plain(why)) for split, why, count in reasons]),
        "A family of near-duplicates is in one split, so that a test voice is no variant of a training voice. Withheld "
        "voices belong to families of several splits, and are for none.",
        "## Labels",
        _table(("label", "voices", "families", "mean confidence"), labels),
        "Labels are made from names, parameters, families and folders, not by listening. `confidence` is calibrated. "
        "Against folders sorted by hand, 88 % of them were right (public collection, `python -m studies.labels`).",
        "## Curation",
        f"Only valid sounds, each once. Left out: {excluded or 'none'}. Rules, models and measurements: "
        "`docs/curation.md` of Deep DX.",
        "## Versions",
        f"Reader {READER_VERSION}, curation {CURATION_VERSION}, labels {LABELS_VERSION}, engine {ENGINE_VERSION}.",
        "## Files",
        "`data/` has the voices, `dictionary.md` the meaning of the columns, `parameters.json` names and ranges of the "
        "parameters, `SHA256SUMS` the checksums of all files.",
    ]
    if clips:
        sections[-1] += (
            f" `audio/` has clips, rendered by the engine of Deep DX: notes {_listed(clips.notes)}, velocities "
            f"{_listed(clips.velocities)}, {clips.seconds:g} s, key up after {clips.held:g} s, 44,100 Hz, mono."
        )
    return "\n\n".join(sections) + "\n"


def _front_matter(counts: Mapping[str, int], clips: Clips | None) -> str:
    lines = ["---", "pretty_name: DX7 voices", "tags: [audio, synthesizer, fm-synthesis, midi]", "configs:"]
    for name, pattern in (("voices", "data/{}.parquet"), *((("audio", "audio/{}-*.parquet"),) if clips else ())):
        lines += [f"- config_name: {name}", *(["  default: true"] if name == "voices" else []), "  data_files:"]
        for split, count in counts.items():
            if count:
                lines += [f"  - split: {split}", f"    path: {pattern.format(split)}"]
    return "\n".join([*lines, "---"])


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def _plain(text: str) -> str:
    """Return a label or a reason without the characters that Markdown, HTML or a table would interpret."""
    return "".join(mark if mark.isalnum() or mark in " .,-+&/()'" else "?" for mark in text)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ("---",) * len(head), *rows])
