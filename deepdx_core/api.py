"""The front door of the library: read banks, write banks, query the corpus. Exported lazily by `deepdx_core`."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from deepdx_core.arrays import Float32Array, Int64Array, UInt8Array
from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.packing import MAXIMA
from deepdx_core.codec.writer import write_banks
from deepdx_core.database.snapshot import Snapshot
from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.exchange.inspection import inspect_files
from deepdx_core.files import write_outputs
from deepdx_core.home import Home, find_home
from deepdx_core.intake.survey import format_location
from deepdx_core.keeping.ratings import read_ratings
from deepdx_core.sound.rendering import NO_CONTROLLERS, Controllers
from deepdx_core.sound.rendering import render as render_voices
from deepdx_core.voice.parameters import PARAMETER_NAMES, PARAMETERS

_COLUMNS = ("path", "member", "offset", "slot", "name", "valid", "findings", "sound_id", *PARAMETER_NAMES)
_DUMP_COLUMNS = ("format", "channel", "checksum", "what", "note", "sha256")
_MAX_REASONS = 4


class ReadError(DeepDXError):
    """Nothing at a path can be read; the message names the files and the reasons."""


class WriteError(DeepDXError):
    """Voices cannot be written as a bank; the message names the voice, the parameter and its range."""


def read(path: str | PathLike[str]) -> pl.DataFrame:
    """Return the voices in a file, a folder or an archive, one row per voice slot, in order of file and position.

    A link at `path` is followed, and `-` is standard input.

    Columns: `path`, `member` (of an archive), `offset` of the dump in bytes, `slot` (from 1), `name`, `valid`,
    `findings` (why a voice is not valid), `sound_id`, the 145 parameters (`UInt8`, null where a voice cannot be read),
    then `format`, `channel`, `checksum`, `what`, `note` and `sha256` of the dump and its file.

    A file without voices gives no rows. A file that cannot be read is left out, unless no other can be read either.
    `deepdx_core.exchange.inspection.inspect_files` also returns a row per file, with the reason. Raises ReadError if
    nothing at `path` can be read.

    >>> import deepdx_core as dx
    >>> voices = dx.read("data/demo/From the net/out_of_range.syx")
    >>> voices.height, voices["valid"].sum()
    (32, 28)
    """
    files, voices = inspect_files([Path(path)])
    refused = files.filter(pl.col("status") == "refused")
    if len(refused) == len(files):
        reasons = [
            f"{format_location(row)}: {row['reason']}" for row in refused.head(_MAX_REASONS).iter_rows(named=True)
        ]
        more = [f"{len(refused) - _MAX_REASONS:,} more files"] if len(refused) > _MAX_REASONS else []
        raise ReadError("; ".join(reasons + more))
    return voices.select(*_COLUMNS, *_DUMP_COLUMNS)


def write_bank(
    path: str | PathLike[str],
    voices: pl.DataFrame | npt.ArrayLike,
    names: Sequence[str] | UInt8Array | None = None,
    *,
    channel: int = 0,
    force: bool = False,
) -> None:
    """Write voices as 32-voice banks to one `.syx` file. INIT VOICE fills the last bank.

    voices: a frame with `name` and the 145 parameters, as `read` returns it; or parameters, integers `[n, 145]` in VCED
    order, with `names`: texts, or `uint8[n, 10]`. Texts are cut to ten characters; `?` replaces non-ASCII ones.
    channel: MIDI channel, 0 to 15. force: overwrite an existing file.

    The file is written whole or not at all. Raises WriteError for a voice with a missing or out-of-range parameter, and
    OutputError where the file cannot be written.

    >>> import deepdx_core as dx
    >>> voices = dx.read("data/demo/From the net/out_of_range.syx")
    >>> dx.write_bank("legal.syx", voices.filter("valid"))
    >>> dx.read("legal.syx")["name"].to_list()[-4:]
    ['INIT VOICE', 'INIT VOICE', 'INIT VOICE', 'INIT VOICE']
    """
    shown = printable(str(path))
    if isinstance(voices, pl.DataFrame):
        if missing := [name for name in ("name", *PARAMETER_NAMES) if name not in voices.columns]:
            raise WriteError(f"{shown}: no column for {', '.join(missing[:3])}; nothing was written")
        if names is None:
            names = voices["name"].fill_null("").to_list()
        values = voices.select(pl.col(PARAMETER_NAMES).cast(pl.Float64)).to_numpy()
    else:
        if names is None:
            raise TypeError("parameters given as an array need names")
        values = np.asarray(voices, dtype=np.float64)
    encoded = names if isinstance(names, np.ndarray) else text_to_names(list(names))
    if values.ndim != 2 or values.shape[1] != len(PARAMETERS) or len(values) != len(encoded):
        raise WriteError(f"{shown}: parameters {list(values.shape)} do not fit {len(encoded)} names and [n, 145]")
    if not len(values):
        raise WriteError(f"{shown}: no voices to write")
    legal = (values >= 0) & (values <= MAXIMA) & (values == np.floor(values))
    if not legal.all():
        voice, column = np.argwhere(~legal)[0]
        parameter, value = PARAMETERS[column], values[voice, column]
        name = printable(bytes(encoded[voice]).decode("latin-1").rstrip())
        given = "missing" if np.isnan(value) else f"{value:g}"
        more = int((~legal).any(axis=1).sum()) - 1
        raise WriteError(
            f"{shown}: voice {voice + 1} ({name}): {parameter.name} is {given}, its range is 0 to {parameter.maximum}"
            f"{f'; {more:,} more voices have such faults' if more else ''}; nothing was written"
        )
    write_outputs({Path(path): b"".join(write_banks(values.astype(np.uint8), encoded, channel))}, force)


def render(
    voices: pl.DataFrame | UInt8Array,
    note: int | tuple[int, ...] | npt.ArrayLike = 60,
    velocity: int | npt.ArrayLike = 100,
    seconds: float = 2.0,
    held: float | None = None,
    *,
    controllers: Controllers = NO_CONTROLLERS,
    threads: int | None = None,
) -> Float32Array:
    """Render voices to samples at 44,100 Hz, `float32[n, samples]`.

    voices: a frame with the 145 parameters, as `read` returns it; or parameters, `uint8[n, 145]` in VCED order.
    note: MIDI note, 0 to 127, 60 is middle C; one per voice, `int[n]`; or a tuple of notes, a chord for each voice.
    velocity: 1 to 127, or one per voice, `int[n]`.
    seconds: length, at most 600. held: seconds until key-up, by default two thirds of the length.
    controllers: positions of pitch bend, wheel, aftertouch and breath.
    threads: number of threads, by default the number of cores. The result does not depend on it.

    A carrier at full level swings between -1 and 1. A voice of six carriers swings up to six times as far, and a chord
    further. Raises ValueError for a parameter, note, velocity or length out of range, and names it.

    >>> import deepdx_core as dx
    >>> voices = dx.read("data/demo/From the net/out_of_range.syx").filter("valid")
    >>> dx.render(voices, note=(48, 60, 67), seconds=0.5).shape
    (28, 22050)
    """
    if isinstance(voices, pl.DataFrame):
        if absent := [name for name in PARAMETER_NAMES if name not in voices.columns]:
            raise ValueError(f"no column for {', '.join(absent[:3])}")
        parameters = voices.select(PARAMETER_NAMES)
        if missing := [name for name in parameters.columns if parameters[name].null_count()]:
            raise ValueError(f"{missing[0]} is missing in some of the {voices.height} voices")
        voices = parameters.to_numpy()
    return render_voices(np.asarray(voices), note, velocity, seconds, held, controllers=controllers, threads=threads)


class Arrays(NamedTuple):
    """The training set as arrays with a row for each valid sound, in the order of `sound_ids`."""

    parameters: UInt8Array
    """`uint8[n, 145]` in VCED order."""
    labels: Int64Array
    """Index of the label in `label_names`, `int64[n]`."""
    label_names: tuple[str, ...]
    splits: npt.NDArray[np.str_]
    """`train`, `validation`, `test` or `withheld`, `str[n]`."""
    families: Int64Array
    """Number of the family, `int64[n]`; a family is in one split, unless it is withheld."""
    names: list[str]
    """The first name of each sound."""
    sound_ids: list[str]


class Corpus:
    """A snapshot of the corpus of a home, for queries. It does not change while a run replaces the corpus.

    The table `ratings` has the user's ratings and notes as they were when it was opened.

    A context manager, opened by `load_corpus`.
    """

    def __init__(self, home: Home) -> None:
        """Open the corpus of a home. Raises DatabaseError if there is none yet or it cannot be read."""
        self._snapshot = Snapshot(home.database)
        self._snapshot.add("ratings", read_ratings(home))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the corpus; later queries fail."""
        self._snapshot.close()

    def sql(self, query: str) -> pl.DataFrame:
        """Return the result of one SELECT in DuckDB's SQL. Limits and errors are those of `Snapshot.query`."""
        return self._snapshot.query(query)

    def arrays(self) -> Arrays:
        """Return the training set as arrays, sorted by `sound_id`: parameters, labels, splits, families, names."""
        rows = self.table("training_set").sort("sound_id")
        label_names = tuple(rows["label"].unique().sort())
        ids = {label: number for number, label in enumerate(label_names)}
        return Arrays(
            rows.select(PARAMETER_NAMES).to_numpy(writable=True),
            rows["label"].replace_strict(ids, return_dtype=pl.Int64).to_numpy(writable=True),
            label_names,
            rows["split"].to_numpy().astype(np.str_),
            (rows["family_id"].rank("dense").cast(pl.Int64) - 1).to_numpy(writable=True),
            rows["names"].list.first().to_list(),
            rows["sound_id"].to_list(),
        )

    def table(self, name: str) -> pl.DataFrame:
        """Return all rows of a table or view. Raises DatabaseError if there is none of that name."""
        quoted = name.replace('"', '""')
        return self._snapshot.read(f'"{quoted}"')


def load_corpus(home: str | PathLike[str] | None = None) -> Corpus:
    """Open the corpus that `deepdx run` built in a home folder.

    home: the folder; by default the one that the `deepdx` command uses (`DEEPDX_HOME`, `data/` of a checkout, or the
    user's data folder). Raises DatabaseError if there is no corpus yet, naming the file.

    >>> import deepdx_core as dx
    >>> with dx.load_corpus() as corpus:
    ...     labels = corpus.sql("SELECT label, count(*) AS sounds FROM labeled_voices GROUP BY label")
    ...     parameters = corpus.table("voice_parameters")
    >>> labels.columns, parameters.width
    (['label', 'sounds'], 147)
    """
    return Corpus(find_home() if home is None else Home(Path(home).expanduser().resolve()))
