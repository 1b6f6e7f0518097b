"""Whatever happened to an inbox, the tables are those of a new home with the same files.

DEEPDX_HISTORIES sets the number of histories. Each is a sequence of random changes (files added, removed, renamed,
changed and copied; verdicts, labels and rules set and removed), with runs between them.
"""

import os
import random
import shutil

import dagster as dg
import polars as pl
import pytest

from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.writer import write_bank, write_singles
from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.home import Home
from deepdx_core.intake.survey import survey
from deepdx_core.labels.taxonomy import load_taxonomy
from deepdx_core.overrides import write_override
from deepdx_core.tables.curation import VERDICTS
from deepdx_core.tables.dataset import WITHHELD
from deepdx_core.tables.generator import GENERATOR_TABLES
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.support.other_synths import sy77_file
from tests.support.paths import DEMO
from tests.support.runs import WITHOUT_AUDIO, run_job

COUNT = int(os.environ.get("DEEPDX_HISTORIES", "4"))
STEPS = 3
COMPARED = [table for table in TABLES if table not in (*GENERATOR_TABLES, "training_splits")]


@pytest.fixture(scope="module")
def voices():
    """Parameters and names of voices, many of them near-duplicates of others."""
    known = decode_dumps(survey(DEMO / "Mixed").dumps).filter("valid").unique("sound_id").sort("sound_id")
    return known.select(PARAMETER_NAMES).to_numpy(), text_to_names(known["name"].to_list())


class History:
    """A home to which random things happen."""

    def __init__(self, home, seed, voices):
        self.home, self.random, self.instance = home, random.Random(seed), dg.DagsterInstance.ephemeral()
        self.parameters, self.names = voices
        self.files = 0
        home.inbox.mkdir(parents=True)

    def some_voices(self, count):
        rows = [self.random.randrange(len(self.parameters)) for _ in range(count)]
        parameters, names = self.parameters[rows].copy(), self.names[rows].copy()
        for row in range(count):
            for _ in range(self.random.choice((0, 0, 1, 3, 9))):
                column = self.random.randrange(parameters.shape[1])
                parameters[row, column] = self.parameters[self.random.randrange(len(self.parameters)), column]
        return parameters, names

    def content(self):
        if self.random.random() < 0.1:
            return b"just text"
        if self.random.random() < 0.2:
            return sy77_file(*self.some_voices(self.random.randrange(1, 9)))
        if self.random.random() < 0.5:
            return write_bank(*self.some_voices(self.random.randrange(1, 9)))
        data = bytearray(b"".join(write_singles(*self.some_voices(self.random.randrange(1, 4)))))
        if self.random.random() < 0.3:
            data[6 + self.random.randrange(126)] = 0x7F  # out of range, and perhaps repairable
        return bytes(data)

    def a_file(self):
        found = sorted(path for path in self.home.inbox.rglob("*") if path.is_file())
        return self.random.choice(found) if found else self.add()

    def add(self):
        self.files += 1
        folder = self.random.choice(("", "Basses", "Keys/Pianos"))
        path = self.home.inbox / folder / f"{self.files}.syx"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content())
        return path

    def remove(self):
        self.a_file().unlink()

    def rename(self):
        self.files += 1
        path = self.a_file()
        path.rename(path.with_name(f"{self.files} renamed.syx"))

    def change(self):
        path, status = self.a_file(), self.a_file().stat()
        path.write_bytes(self.content())
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def copy(self):
        self.files += 1
        shutil.copy2(self.a_file(), self.home.inbox / f"{self.files} copy.syx")

    def a_sound(self):
        sounds = Tables(self.home).read_or_empty("unique_voices").filter("in_range")["sound_id"].to_list()
        return self.random.choice(sounds) if sounds else None

    def judge(self):
        if sound := self.a_sound():
            verdict = self.random.choice(("valid", "corrupt", "silent", None))
            write_override(self.home.verdicts, "verdict", VERDICTS, sound, verdict, "", lock=self.home.overrides_lock)

    def label(self):
        if sound := self.a_sound():
            categories = load_taxonomy().categories
            label = self.random.choice((*categories, None))
            write_override(self.home.labels, "category", categories, sound, label, "", lock=self.home.overrides_lock)

    def rules(self):
        level = self.random.choice((-1, -6, -12))
        text = f'[rule.quiet]\nverdict = "silent"\nreason = "quiet"\nwhen = "loudest_db < {level}"\n'
        self.home.rules.write_text(self.random.choice((text, "")))

    def happen(self):
        happenings = (self.add, self.add, self.remove, self.rename, self.change, self.copy, self.judge, self.label)
        for _ in range(self.random.randrange(1, 5)):
            self.random.choice((*happenings, self.rules))()

    def run(self, ops):
        assert run_job(self.home, ops=ops, instance=self.instance).success
        return Tables(self.home).read("training_splits")


def new_home_of(home, folder):
    """Return a home with the files of the user alone."""
    other = Home(folder)
    shutil.copytree(home.inbox, other.inbox)
    other.state.mkdir()
    for path in (home.rules, home.verdicts, home.labels):
        if path.exists():
            shutil.copy(path, folder / path.relative_to(home.root))
    return other


def require_kept(before, after):
    """Splits are for good: a sound keeps its own, but may turn out to be related to those of another."""
    both = before.filter("in_corpus").join(after.filter("in_corpus"), on="sound_id", suffix="_now")
    moved = both.filter(pl.col("split") != pl.col("split_now"))
    assert set(moved["split_now"]) <= {WITHHELD}
    assert set(before["sound_id"]) <= set(after["sound_id"])


def live_and_compare(folder, seed, voices):
    history = History(Home(folder / "home"), seed, voices)
    for _ in range(4):
        history.add()
    splits = history.run(WITHOUT_AUDIO)
    for step in range(STEPS):
        history.happen()
        last = step == STEPS - 1
        now = history.run({} if last or history.random.random() < 0.3 else WITHOUT_AUDIO)
        require_kept(splits, now)
        splits = now
    fresh = new_home_of(history.home, folder / "fresh")
    assert run_job(fresh, ops={}).success
    for table in COMPARED:
        ours, theirs = Tables(history.home).read(table), Tables(fresh).read(table)
        if table == "training_set":
            ours, theirs = ours.drop("split"), theirs.drop("split")
        assert ours.equals(theirs), (seed, table)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(COUNT))
def test_after_any_history_the_tables_are_those_of_a_new_home(tmp_path, compiled_engine, seed, voices):
    live_and_compare(tmp_path, seed, voices)
