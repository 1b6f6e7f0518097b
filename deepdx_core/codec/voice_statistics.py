"""Statistics of voice records, by which bytes without a header are recognized as a voice.

Two tests in sequence. *Legal*: every byte is in range at its offset in a record; tested at every offset of the data at
once. *Marks*: the values are typical of programmed voices, unlike text, code and tables of numbers.
The shares in this module were measured on 36,360 distinct voices of a public collection.
"""

import re
import string
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.codec.packing import USED_BITS
from deepdx_core.codec.segments import RECORD_SIZE, Format
from deepdx_core.voice.columns import operator_columns
from deepdx_core.voice.parameters import INDEX, NAME_LENGTH, PARAMETERS, VCED_NAME, VCED_SIZE, VMEM_NAME, VMEM_SIZE

LIKELY, SURE, ALL = 5, 6, 7
"""Marks of a likely voice, of a sure one, and of one without doubt. 99.7 % of real voices are likely, 97.7 % sure."""

COMMON_IN_NAMES: BoolArray = np.isin(
    np.arange(256), np.frombuffer(string.ascii_letters.encode() + b"0123456789 .-", np.uint8)
)
"""True for letters, digits, space, dot and hyphen, `bool[256]`."""

_REST_LEVELS = operator_columns("eg_level_4")
_ATTACK_RATES = operator_columns("eg_rate_1")
_OUTPUT_LEVELS = operator_columns("output_level")
_PITCH_LEVELS = np.array([INDEX[f"pitch_eg_level_{n}"] for n in range(1, 5)])

_TESTED_AT_ONCE = 4
"""Bytes of a record to test between checks for few offsets."""

_FEW = 128
"""Where fewer than one offset in this number is left, the others are tested without the rest of the data."""

_MIN_AT_REST = 3
"""Operators at rest level 0."""

_MIN_IN_MIDDLE = 3
"""Levels of the pitch EG around the middle."""


def _in_middle(levels: UInt8Array) -> BoolArray:
    return (levels >= 40) & (levels <= 60)


_PARAMETER_MARKS: tuple[tuple[npt.NDArray[np.intp], Callable[[UInt8Array], BoolArray]], ...] = (
    (_PITCH_LEVELS, lambda levels: np.count_nonzero(_in_middle(levels), axis=1) >= _MIN_IN_MIDDLE),
    (_OUTPUT_LEVELS, lambda levels: levels.max(axis=1, initial=0) >= 50),
    (_ATTACK_RATES, lambda rates: np.count_nonzero(rates >= 15, axis=1) >= 5),
    (_REST_LEVELS, lambda levels: np.count_nonzero(levels == 0, axis=1) >= _MIN_AT_REST),
)
"""Marks of a voice by its parameters: which, and a test of their values `uint8[n, parameters]`. Rarest first."""

_AT_REST = 3
"""Index of the last of them."""

_MAX_CANDIDATES = 16
"""Candidates per record length that are examined as a whole. Real voices are never that dense: in 3,537 banks of a
public collection without their headers, every run is found with 8 too."""

_CHUNK = 4096  # records


@dataclass(frozen=True)
class _Layout:
    """Layout of a record. Offsets whose legal bytes are the same share a class, so that each set is looked up once."""

    size: int
    name: int  # offset of the name
    parameters: npt.NDArray[np.intp]  # [145], offset of each parameter's byte
    classes: BoolArray  # [classes, 256], legal bytes of each class
    class_of: npt.NDArray[np.intp]  # [size], class of each offset
    order: npt.NDArray[np.intp]  # [size], offsets in the order of testing, the most selective first
    legal: BoolArray  # [size * 256], whether a byte is legal, by 256 times its offset plus its value
    pattern: re.Pattern[bytes]  # of a legal record whose name begins with a character


def _legal_name_bytes(format_: Format) -> BoolArray:
    legal = np.zeros(256, dtype=bool)
    legal[32:128] = True
    legal[0] = True  # some editors pad with NUL
    legal[128:] = format_.startswith("headerless")  # editors let people type any letters; a message cannot have them
    return legal


def _is_packed(format_: Format) -> bool:
    return RECORD_SIZE[format_] == VMEM_SIZE


def _legal_bytes(format_: Format) -> BoolArray:
    """Return a mask of the legal bytes at each offset of a record, `bool[record size, 256]`; unused bits may be set."""
    size = RECORD_SIZE[format_]
    values = np.arange(256)
    legal = np.broadcast_to(values < 128, (size, 256)).copy()
    packed = _is_packed(format_)
    for i, p in enumerate(PARAMETERS):
        if packed:
            legal[p.vmem] &= ((values >> p.shift) & ((1 << p.bits) - 1)) <= p.maximum
        else:
            legal[i] &= values <= p.maximum
    name = VMEM_NAME if packed else VCED_NAME
    legal[name : name + NAME_LENGTH] = _legal_name_bytes(format_)
    if size > VCED_SIZE and not packed:
        legal[VCED_SIZE:] = values < 64  # six operator switches
    return legal


def _layout(format_: Format) -> _Layout:
    legal = _legal_bytes(format_)
    classes, class_of = np.unique(legal, axis=0, return_inverse=True)
    packed = _is_packed(format_)
    name = VMEM_NAME if packed else VCED_NAME
    # The name comes first: numbers, most of which are small, are not letters.
    in_name = (np.arange(len(legal)) - name) // NAME_LENGTH == 0
    order = np.argsort(np.where(in_name, 0, legal.sum(axis=1)), kind="stable")
    parameters = np.array([p.vmem if packed else i for i, p in enumerate(PARAMETERS)], dtype=np.intp)
    named = legal.copy()
    named[name, :32] = False
    pattern = re.compile(b"".join(b"[%b]" % re.escape(bytes(np.flatnonzero(values).tolist())) for values in named))
    class_of = class_of.reshape(-1)
    return _Layout(RECORD_SIZE[format_], name, parameters, classes, class_of, order, legal.reshape(-1), pattern)


_LAYOUTS = {format_: _layout(format_) for format_ in Format}


def find_legal_records(data: UInt8Array, format_: Format, named: bool = True) -> npt.NDArray[np.intp]:
    """Return the offsets of all legal records in `data`, `uint8[n]`; they may overlap.

    named: whether a record has its name. Parameters alone must have the last of `_PARAMETER_MARKS`, and the first if
    there are many.
    """
    layout = _LAYOUTS[format_]
    count = len(data) - (layout.size if named else layout.name) + 1
    if count <= 0:
        return np.empty(0, dtype=np.intp)
    if named:
        # A name may end in NULs but not begin with one; otherwise zeros would be legal throughout.
        legal = data[layout.name : layout.name + count] >= 32
    else:
        legal = _count_at(data == 0, layout.parameters[_REST_LEVELS], count) >= _MIN_AT_REST
        if np.count_nonzero(legal) * _FEW >= count:  # as in zeros, which are legal throughout
            legal &= _count_at(_in_middle(data), layout.parameters[_PITCH_LEVELS], count) >= _MIN_IN_MIDDLE
    tests = layout.order if named else layout.order[layout.order < layout.name]
    in_class: dict[int, BoolArray] = {}
    for tested in range(0, len(tests), _TESTED_AT_ONCE):
        if np.count_nonzero(legal) * _FEW < count:
            break
        for offset in tests[tested : tested + _TESTED_AT_ONCE]:
            class_ = int(layout.class_of[offset])
            if class_ not in in_class:
                in_class[class_] = layout.classes[class_][data]
            legal &= in_class[class_][offset : offset + count]
    else:
        tested = len(tests)
    offsets = np.flatnonzero(legal)
    while len(offsets) > _CHUNK and tested < len(tests):
        offset = tests[tested]
        offsets = offsets[layout.classes[layout.class_of[offset]][data[offsets + offset]]]
        tested += 1
    if tested < len(tests) and len(offsets):
        rest = tests[tested:]
        offsets = offsets[np.all(layout.classes[layout.class_of[rest], data[offsets[:, None] + rest]], axis=1)]
    return offsets


def _count_at(found: BoolArray, places: npt.NDArray[np.intp], count: int) -> UInt8Array:
    """Count for each of the first `count` offsets how many of these places behind it are found."""
    parts = [found.view(np.uint8)[place : place + count] for place in places]
    counts: UInt8Array = sum(parts[1:], parts[0])
    return counts


def are_legal(records: UInt8Array, format_: Format) -> BoolArray:
    """Return a mask of the legal records among `uint8[n, record size]`, `bool[n]`."""
    legal: BoolArray = np.all(_legal_bytes_of(records, format_), axis=1)
    return legal


def are_blank(data: UInt8Array, offsets: npt.NDArray[np.intp], format_: Format) -> BoolArray:
    """Return a mask of the records at `offsets` whose parameters are all 0, `bool[n]`."""
    blank: BoolArray = np.all(data[offsets[:, None] + np.arange(_LAYOUTS[format_].name)] == 0, axis=1)
    return blank


def count_illegal(records: UInt8Array, format_: Format) -> npt.NDArray[np.intp]:
    """Count the bytes out of range in each record of `uint8[n, record size]`, `intp[n]`."""
    counts: npt.NDArray[np.intp] = np.count_nonzero(~_legal_bytes_of(records, format_), axis=1)
    return counts


def _legal_bytes_of(records: UInt8Array, format_: Format) -> BoolArray:
    legal: BoolArray = _LAYOUTS[format_].legal.take(records + 256 * np.arange(records.shape[1]))
    return legal


def holds_legal_record(data: bytes, format_: Format) -> bool:
    """Return True if `find_legal_records` finds any. For some hundred bytes, faster than arrays."""
    return _LAYOUTS[format_].pattern.search(data) is not None


def holds_voices(payload: bytes, format_: Format) -> bool:
    """Return True if the first record and at least half of all, blank ones aside, are likely voices."""
    if not _LAYOUTS[format_].pattern.match(payload):
        return False
    data = np.frombuffer(payload, dtype=np.uint8)
    offsets = np.arange(0, len(data), RECORD_SIZE[format_])
    records = data.reshape(len(offsets), -1)
    likely = are_legal(records, format_) & (count_marks(data, offsets, format_) >= LIKELY)
    written = np.count_nonzero((records != records[:, :1]).any(axis=1))
    return bool(likely[0] and np.count_nonzero(likely) * 2 >= written)


def legal_share(payload: bytes, format_: Format) -> float:
    """Return the share of legal records in a payload, 0 to 1; 0 if it has none."""
    records = np.frombuffer(payload, dtype=np.uint8).reshape(-1, RECORD_SIZE[format_])
    return np.count_nonzero(are_legal(records, format_)) / len(records) if len(records) else 0.0


def has_illegal_run(payload: bytes, format_: Format, length: int) -> bool:
    """Return True if `length` records in a row are illegal, as after lost or added bytes."""
    if len(payload) < length * RECORD_SIZE[format_]:
        return False
    records = np.frombuffer(payload, dtype=np.uint8).reshape(-1, RECORD_SIZE[format_])
    # Such a run includes at least one of these records. Most dumps are in order and need no more tests.
    if are_legal(records[length - 1 :: length], format_).all():
        return False
    return bytes(length) in are_legal(records, format_).tobytes()


def with_parameter_marks(data: UInt8Array, offsets: npt.NDArray[np.intp], format_: Format) -> npt.NDArray[np.intp]:
    """Return the offsets whose records have the four marks of `count_marks` that need no name."""
    for parameters, has_mark in _PARAMETER_MARKS:
        offsets = offsets[has_mark(_values(data, offsets, format_, parameters))]
    return offsets


def _values(
    data: UInt8Array, offsets: npt.NDArray[np.intp], format_: Format, parameters: npt.NDArray[np.intp]
) -> UInt8Array:
    # The parameters of marks fill their byte in both formats, so there is no need to unpack them.
    found: UInt8Array = data[offsets[:, None] + _LAYOUTS[format_].parameters[parameters]]
    return found


def count_marks(data: UInt8Array, offsets: npt.NDArray[np.intp], format_: Format) -> UInt8Array:
    """Count the marks of a real voice, 0 to 7, of each legal record at `offsets`, `uint8[n]`.

    The marks, with the share of real voices that have them: rest levels (EG level 4) of 0 in three operators or more
    (97 %); attack rates of 15 or more in five (97 %); pitch EG levels around the middle, three of them (95 %); an
    operator at output level 50 or more (99.8 %); no unused bit set (95 %); at least ten distinct bytes (99 %); eight
    characters of the name in `COMMON_IN_NAMES` (97 %). Where more than 16 candidates begin within the length of a
    record, the worst of them get 0.
    """
    layout = _LAYOUTS[format_]
    has = [has_mark(_values(data, offsets, format_, parameters)) for parameters, has_mark in _PARAMETER_MARKS]
    marks: UInt8Array = np.add.reduce(has, axis=0, dtype=np.uint8)
    at_rest = has[_AT_REST]
    # In a file full of zeros, every offset is legal. Examine whole records only where it can change the result.
    candidates = np.flatnonzero(marks >= LIKELY - 3)
    best = find_best(offsets[candidates], marks[candidates], layout.size, _MAX_CANDIDATES)
    marks[np.delete(candidates, best)] = 0
    candidates = candidates[best]
    for chunk in np.array_split(candidates, len(candidates) // _CHUNK + 1):
        records = data[offsets[chunk, None] + np.arange(layout.size)]
        ascending = np.sort(records, axis=1)
        distinct = 1 + np.count_nonzero(ascending[:, 1:] != ascending[:, :-1], axis=1)
        characters = _count_common_characters(records[:, layout.name : layout.name + NAME_LENGTH])
        clean = ~np.any(records & ~USED_BITS, axis=1) if _is_packed(format_) else np.ones(len(chunk), dtype=bool)
        marks[chunk] += (distinct >= 10).astype(np.uint8) + (characters >= 8) + clean
        # Tables of digits and capitals have all but two marks; hardly any voice (0.1 %) has a name without letters.
        marks[chunk[(~clean & ~at_rest[chunk]) | (characters < 5)]] = 0
    return marks


def _count_common_characters(names: UInt8Array) -> npt.NDArray[np.intp]:
    """Count the `COMMON_IN_NAMES` of each name, `intp[n]`: 0 if a NUL precedes a character, as in tables of numbers."""
    characters: npt.NDArray[np.intp] = np.count_nonzero(COMMON_IN_NAMES[names], axis=1)
    written_after = np.logical_or.accumulate(names[:, ::-1] > 32, axis=1)[:, ::-1]
    characters[np.any((names == 0) & written_after, axis=1)] = 0
    return characters


def find_best(
    offsets: npt.NDArray[np.intp], scores: npt.NDArray[np.integer], stretch: int, count: int
) -> npt.NDArray[np.intp]:
    """Return the indices of the `count` highest scores in each stretch of `stretch` bytes, in order.

    offsets: ascending, one for each score.
    """
    stretches = offsets // stretch
    if len(offsets) <= count or not (stretches[count:] == stretches[:-count]).any():
        return np.arange(len(offsets))
    order = np.lexsort((-scores.astype(np.intp), stretches))
    rank = np.arange(len(order)) - np.searchsorted(stretches, stretches)
    return np.sort(order[rank < count])
