"""Recall of verdicts on synthetic corruption in real banks, and the rate of good voices that they reject.

`python -m studies.synthetic_corruption [ARCHIVE]` reads a collection whose top folders are its sources; by default
`dx7-library.zip` in the folder `DEEPDX_CORPUS`. Banks with ten kinds of damage are added to the collection as separate
files, and everything is processed like any bank, from bytes to verdicts. The corruption model is not trained on three
of these kinds.

A voice counts as damaged if it differs in six or more parameters from every voice of the original bank; with fewer, it
is as good as before, or indistinguishable. It is found if its verdict is not valid. A voice is rejected wrongly if two
sources share it and its verdict is not valid, unless the reason is in its own bytes: out of range, blank or silent.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.packing import MAXIMA, pack_vmem, unpack_vmem
from deepdx_core.codec.writer import frame
from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.dedup.exact import unique_sounds
from deepdx_core.dedup.families import find_families
from deepdx_core.intake.survey import survey
from deepdx_core.judges.store import package_judge
from deepdx_core.quality.measures import measure_sounds
from deepdx_core.quality.rules import load_rules
from deepdx_core.quality.verdicts import decide_verdicts
from deepdx_core.voice.parameters import PARAMETER_NAMES, VMEM_NAME, VMEM_SIZE, VMEM_VOICES

_BANKS_EACH = 30
_MIN_CHANGED = 6
_UNSEEN = ("text pasted in", "bytes inverted", "bits mirrored")
_OWN_FAULTS = ("out-of-range", "repairable", "all-zero", "init-voice", "silent", "silent-by-parameters")
_TEXT = b"It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness "
_NO_OVERRIDES = pl.DataFrame(schema={"sound_id": pl.String, "verdict": pl.String, "why": pl.String})

Bank = UInt8Array
"""Packed voices of a bank, `uint8[4096]`."""
Damage = Callable[[Bank, np.random.Generator], Bank]


def _lost(bank: Bank, random: np.random.Generator) -> Bank:
    count, at = random.integers(1, VMEM_SIZE), random.integers(0, len(bank) - VMEM_SIZE)
    return np.concatenate([bank[:at], bank[at + count :], np.zeros(count, np.uint8)])


def _added(bank: Bank, random: np.random.Generator) -> Bank:
    count, at = random.integers(1, VMEM_SIZE), random.integers(0, len(bank))
    return np.concatenate([bank[:at], random.integers(0, 128, count).astype(np.uint8), bank[at:]])[: len(bank)]


def _stuck(bank: Bank, random: np.random.Generator) -> Bank:
    bit = np.uint8(1 << random.integers(0, 7))
    return bank | bit if random.random() < 0.5 else bank & ~bit


def _noise(bank: Bank, random: np.random.Generator) -> Bank:
    flips = (1 << random.integers(0, 7, bank.shape)).astype(np.uint8)
    return np.where(random.random(bank.shape) < 0.05, bank ^ flips, bank)


def _uniform(bank: Bank, random: np.random.Generator) -> Bank:
    drawn = random.integers(0, MAXIMA.astype(int) + 1, (VMEM_VOICES, len(MAXIMA))).astype(np.uint8)
    return pack_vmem(drawn, bank.reshape(-1, VMEM_SIZE)[:, VMEM_NAME:]).reshape(-1)


def _text(bank: Bank, random: np.random.Generator) -> Bank:
    damaged = bank.reshape(-1, VMEM_SIZE).copy()
    for record in damaged:
        length = random.integers(24, 96)
        at = random.integers(0, VMEM_NAME - length)
        record[at : at + length] = np.frombuffer(_TEXT[:length], np.uint8)
    return damaged.reshape(-1)


DAMAGE: dict[str, Damage] = {
    "bytes lost": _lost,
    "bytes added": _added,
    "records misaligned": lambda bank, random: np.roll(bank, random.integers(1, VMEM_SIZE)),
    "bit stuck": _stuck,
    "bits flipped": _noise,
    "random bytes": lambda bank, random: random.integers(0, 128, bank.shape).astype(np.uint8),
    "machine-made": _uniform,
    "text pasted in": _text,
    "bytes inverted": lambda bank, random: ~bank & 0x7F,
    "bits mirrored": lambda bank, random: np.packbits(np.unpackbits(bank[:, None], axis=1)[:, ::-1], axis=1)[:, 0] >> 1,
}


def main() -> None:
    """Damage banks, decide verdicts, evaluate and print."""
    archive = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(os.environ["DEEPDX_CORPUS"]) / "dx7-library.zip"
    rules = load_rules()
    with tempfile.TemporaryDirectory() as folder:
        inbox = Path(folder)
        shutil.copy(archive, inbox / "collection.zip")
        clean = survey(inbox)
        decoded = decode_dumps(clean.dumps)
        originals = _add_damaged_banks(inbox, decoded)
        found = survey(inbox)
    voices = decode_dumps(found.dumps)
    sounds = unique_sounds(voices, rules.repair)
    families = find_families(sounds.filter("in_range")).select("sound_id", "family_id", "family_size")
    audio = pl.DataFrame(schema={"sound_id": pl.String, "silent": pl.Boolean, "peak_db": pl.Float32})
    audio = audio.with_columns(sounds_at_rest=pl.lit(None, pl.Boolean))
    measured = measure_sounds(sounds, voices, families, audio, package_judge("corruption"), rules.repair)
    verdicts = decide_verdicts(measured, rules.rules, _NO_OVERRIDES)
    console = Console()
    table = Table("damage", "voices damaged", "found", "recall", box=None)
    recalls = []
    files = found.raw_files.filter(pl.col("member").is_null(), pl.col("status") == "voices")
    slots = voices.join(files.select("path", "sha256"), on="sha256").join(verdicts, on="sound_id", how="left")
    for kind in DAMAGE:
        of_kind = slots.filter(pl.col("path").str.starts_with(f"{kind} "))
        damaged = _select_damaged(of_kind, originals)
        caught = damaged.filter(pl.col("verdict").is_null() | (pl.col("verdict") != "valid"))
        name = f"{kind} (not trained on)" if kind in _UNSEEN else kind
        if damaged.is_empty():
            table.add_row(name, "0", "", "repaired by the reader")
            continue
        recalls.append(len(caught) / len(damaged))
        table.add_row(name, f"{len(damaged):,}", f"{len(caught):,}", f"{recalls[-1]:.1%}")
    table.add_row(f"mean of {len(recalls)} kinds", "", "", f"{np.mean(recalls):.1%}")
    console.print(table)
    shared = _shared_sounds(found.raw_files, voices).join(verdicts, on="sound_id")
    own = pl.col("findings").list.eval(pl.element().struct.field("rule").is_in(_OWN_FAULTS)).list.any()
    good = shared.filter(~own)
    wrong = good.filter(pl.col("verdict") != "valid")
    console.print(f"shared by two sources or more: {len(shared):,}; not out of range, blank or silent: {len(good):,}")
    console.print(f"rejected wrongly: {len(wrong):,} ({len(wrong) / len(good):.2%})")


def _add_damaged_banks(inbox: Path, decoded: pl.DataFrame) -> dict[str, UInt8Array]:
    """Write damaged banks into the inbox. Return the original parameters, `uint8[32, 145]`, by file name."""
    random = np.random.default_rng(7)
    whole = (
        decoded.filter(pl.col("format").str.contains("vmem"))
        .group_by("sha256", "offset", maintain_order=True)
        .agg(pl.len(), pl.col("valid").all(), pl.col("sound_id").n_unique().alias("different"))
        .filter(pl.col("len") == VMEM_VOICES, "valid", pl.col("different") >= 24)
    )
    chosen = whole.sample(_BANKS_EACH * len(DAMAGE), seed=7, shuffle=True)
    originals = {}
    for number, (sha256, offset) in enumerate(chosen.select("sha256", "offset").iter_rows()):
        kind = list(DAMAGE)[number % len(DAMAGE)]
        bank = decoded.filter(pl.col("sha256") == sha256, pl.col("offset") == offset)
        parameters = bank.select(PARAMETER_NAMES).to_numpy().astype(np.uint8)
        names = np.array([list(name.encode("ascii", "replace").ljust(10)) for name in bank["name"]], dtype=np.uint8)
        packed = pack_vmem(parameters, names).reshape(-1)
        path = f"{kind} {number:03}.syx"
        (inbox / path).write_bytes(frame(9, DAMAGE[kind](packed, random).astype(np.uint8).tobytes()))
        originals[path] = unpack_vmem(packed.reshape(-1, VMEM_SIZE))[0]
    return originals


def _select_damaged(slots: pl.DataFrame, originals: dict[str, UInt8Array]) -> pl.DataFrame:
    """Return the slots that differ from every voice of the original bank and are not blank."""
    parts = []
    for (path,), bank in slots.partition_by("path", as_dict=True).items():
        parameters = bank.select(pl.col(PARAMETER_NAMES).fill_null(255)).to_numpy()
        differing = (parameters[:, None] != originals[path][None]).sum(axis=2).min(axis=1)
        parts.append(bank.filter((differing >= _MIN_CHANGED) & parameters.any(axis=1)))
    return pl.concat(parts)


def _shared_sounds(raw_files: pl.DataFrame, voices: pl.DataFrame) -> pl.DataFrame:
    """Return the sounds in two or more top folders of the archive. Folders `!...` are copies and do not count."""
    tops = raw_files.filter(pl.col("member").str.contains("/")).select(
        "sha256", source=pl.col("member").str.split("/").list.first()
    )
    sources = tops.filter(~pl.col("source").str.starts_with("!")).unique()
    return (
        voices.drop_nulls("sound_id")
        .join(sources, on="sha256")
        .group_by("sound_id")
        .agg(pl.col("source").n_unique())
        .filter(pl.col("source") >= 2)
        .select("sound_id")
    )


if __name__ == "__main__":
    main()
