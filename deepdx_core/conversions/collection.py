"""Messages of the other Yamahas in files, folders and archives, and their voices as DX7 voices."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.codec.names import names_to_text
from deepdx_core.conversions.from_four_operators import convert_fb01, convert_four_operators
from deepdx_core.conversions.from_reface_dx import OPERATORS, convert_reface_dx
from deepdx_core.conversions.from_sy77 import convert_from_sy77
from deepdx_core.exchange.inspection import inspect_files
from deepdx_core.synths import kinds
from deepdx_core.synths.coding import Coding
from deepdx_core.synths.dx7ii.blocks import BlockSelect, find_block_selects
from deepdx_core.synths.four_operators.parameters import PARTS, VMEM
from deepdx_core.synths.four_operators.reface_dx import OPERATOR
from deepdx_core.synths.messages import Message
from deepdx_core.tables.decoding import DecodedVoices
from deepdx_core.voice.parameters import NAME_LENGTH, PARAMETER_NAMES

FORMAT = "converted"
"""The `format` of converted voices in tables."""

MAX_ARCHIVE_MESSAGES = 2**18
"""Maximum number of messages of an archive, in all of its members."""

_BROKEN = "the voice: it has bytes over 127"
_INCOMPLETE = "the voice: its operators do not follow it"


@dataclass(frozen=True)
class Source:
    """The messages of a file, or of a member of an archive; `path` and `member` are printable.

    blocks: selects of a block of a DX7II's memory. unread: why messages of this member, and of those after it, were not
    read; empty if they were.
    """

    path: str
    member: str | None
    messages: list[Message]
    blocks: list[BlockSelect] = field(default_factory=list)
    unread: str = ""


@dataclass(frozen=True)
class _Batch:
    """Voices of one kind in order: their places, values and names, and reasons why some of them cannot be read.

    operators: values of the operators of reface DX.
    """

    places: list[tuple[str, str | None, int, int]]
    values: list[UInt8Array]
    names: list[UInt8Array]
    unreadable: dict[int, str]
    operators: list[UInt8Array]


class MessageCollector:
    """A callback for `inspect_files` and `collect_voices` that keeps the messages and block selects of each content.

    After MAX_ARCHIVE_MESSAGES, those of the rest of an archive are not kept.
    """

    def __init__(self) -> None:
        self._by_content: dict[str, tuple[list[Message], list[BlockSelect]]] = {}
        self._counts: Counter[str] = Counter()  # of messages in distinct contents, by path of an archive

    def __call__(self, path: str, member: str | None, sha256: str, data: bytes, messages: list[Message]) -> None:
        """Take a content with its messages."""
        if self._counts[path] <= MAX_ARCHIVE_MESSAGES:
            blocks = find_block_selects(data)
            self._by_content[sha256] = messages, blocks
            self._counts[path] += len(messages) + len(blocks) if member is not None else 0

    def sources(self, files: pl.DataFrame) -> list[Source]:
        """Return the files with messages, of rows of `raw_files` and in their order."""
        found = []
        counts: Counter[str] = Counter()
        for path, member, sha256 in files.select("path", "member", "sha256").iter_rows():
            messages, blocks = self._by_content.get(sha256, ([], []))
            if not (messages or blocks) or counts[path] > MAX_ARCHIVE_MESSAGES:
                continue
            counts[path] += len(messages) + len(blocks) if member is not None else 0
            if counts[path] > MAX_ARCHIVE_MESSAGES:
                unread = f"more than {MAX_ARCHIVE_MESSAGES:,} messages in the archive"
                found.append(Source(path, member, [], unread=unread))
            else:
                found.append(Source(path, member, messages, blocks))
        return found


def find_messages(paths: Iterable[Path]) -> list[Source]:
    """Return the files with messages of the other Yamahas in files, folders and archives, in the order given.

    Files that cannot be read are left out: `inspect_files` names them.
    """
    collector = MessageCollector()
    files, _ = inspect_files(paths, collector)
    return collector.sources(files)


def convert_sources(sources: list[Source]) -> pl.DataFrame:
    """Convert all voices in messages to DX7 voices, in order: rows as `exchange.conversion` has them, and losses.

    Columns: `path`, `member`, `offset`, `slot`, `format`, `name`, `findings` (null), the parameters (null for voices
    without a counterpart), `synth`, and `losses`, words for everything that was not carried over.
    """
    batches: dict[kinds.MessageKind, _Batch] = defaultdict(lambda: _Batch([], [], [], {}, []))
    for source in sources:
        _gather(source, batches)
    frames = [_convert(kind, batch) for kind, batch in batches.items() if batch.places]
    if not frames:
        return _frame([], np.zeros((0, len(PARAMETER_NAMES)), np.uint8), [], np.zeros(0, bool), [], "")
    files = (
        pl.DataFrame(
            [(source.path, source.member) for source in sources],
            schema={"path": pl.String, "member": pl.String},
            orient="row",
        )
        .unique(maintain_order=True)
        .with_row_index("file")
    )
    voices = pl.concat(frames).join(files, on=["path", "member"], nulls_equal=True, how="left")
    return voices.sort("file", "offset", "slot").drop("file")


def _gather(source: Source, batches: dict[kinds.MessageKind, _Batch]) -> None:
    supplements: dict[str, UInt8Array] = {}
    operators: list[UInt8Array] = []
    for message in source.messages:
        kind = message.kind
        part = next((name for name, known in kinds.FOUR_OPERATOR_SUPPLEMENTS.items() if known is kind), None)
        if part and len(message.records):
            supplements[part] = message.values
        elif kind in kinds.REFACE_OPERATORS and len(message.records):
            operators.append(message.values)
            if len(operators) == OPERATORS and batches[kinds.REFACE_COMMON].places:
                batches[kinds.REFACE_COMMON].operators.append(np.stack(operators, axis=1))
        elif kind.voices and len(message.records):
            values = message.values
            if kind is kinds.FOUR_OPERATOR_VOICE:
                values, kind = _whole_voice(values, supplements), kinds.FOUR_OPERATOR_BANK
                supplements = {}
            batch = batches[kind]
            if kind is kinds.REFACE_COMMON:
                _complete(batch)
                operators = []
            places = [(source.path, source.member, message.offset, slot + 1) for slot in range(len(values))]
            batch.places.extend(places)
            batch.values.append(values)
            batch.names.append(message.names)
            highest = 127 if message.kind.coding is Coding.PLAIN else 255
            broken = np.flatnonzero(message.records.max(axis=1) > highest) + len(batch.places) - len(places)
            batch.unreadable.update(dict.fromkeys(broken.tolist(), _BROKEN))
    _complete(batches[kinds.REFACE_COMMON])


def _complete(batch: _Batch) -> None:
    """Mark a voice of the reface DX as unreadable if its operators did not follow it."""
    if len(batch.operators) < len(batch.places):
        batch.unreadable[len(batch.places) - 1] = _INCOMPLETE
        batch.operators.append(np.zeros((1, OPERATORS, len(OPERATOR.fields)), np.uint8))


def _whole_voice(values: UInt8Array, supplements: dict[str, UInt8Array]) -> UInt8Array:
    """Return the values of a bank's layout, from those of a single voice and its supplements."""
    whole = np.zeros((len(values), len(VMEM.fields)), np.uint8)
    for part, known in {"vced": values, **supplements}.items():
        layout = PARTS[part]
        whole[:, [VMEM.index[field.name] for field in layout.fields]] = known
    return whole


def _convert(kind: kinds.MessageKind, batch: _Batch) -> pl.DataFrame:
    values, names = np.concatenate(batch.values), np.concatenate(batch.names)
    if kind is kinds.FOUR_OPERATOR_BANK:
        converted = convert_four_operators(values, names)
    elif kind is kinds.REFACE_COMMON:
        converted = convert_reface_dx(values, np.concatenate(batch.operators), names)
    elif kind in kinds.SY77_VOICES:
        converted = convert_from_sy77(values, names, kinds.SY77_VOICES.index(kind))
    else:
        converted = convert_fb01(values, names)
    unreadable = batch.unreadable
    losses = [[unreadable[n]] if n in unreadable else converted.losses.of_voice(n) for n in range(len(values))]
    texts = names_to_text(converted.names[:, :NAME_LENGTH]).tolist()
    possible = converted.possible & ~np.isin(np.arange(len(values)), list(unreadable))
    return _frame(batch.places, converted.parameters, texts, possible, losses, kind.synth)


def _frame(
    places: list[tuple[str, str | None, int, int]],
    parameters: UInt8Array,
    names: list[str],
    possible: BoolArray,
    losses: list[list[str]],
    synth: str,
) -> pl.DataFrame:
    schema = {"path": pl.String, "member": pl.String, "offset": pl.UInt64, "slot": pl.UInt16}
    values = pl.DataFrame(parameters, schema=dict.fromkeys(PARAMETER_NAMES, pl.UInt8))
    return (
        pl.DataFrame(places, schema=schema, orient="row")
        .with_columns(
            format=pl.lit(FORMAT),
            name=pl.Series(names, dtype=pl.String),
            findings=pl.lit(None, DecodedVoices.create_empty().schema["findings"]),
            synth=pl.lit(synth),
            losses=pl.Series(losses, dtype=pl.List(pl.String)),
            possible=pl.Series(possible, dtype=pl.Boolean),
        )
        .hstack(values)
        .with_columns(pl.when("possible").then(pl.col(*PARAMETER_NAMES)))
        .drop("possible")
    )
