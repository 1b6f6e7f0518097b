"""Packed voices to parameters: ours on one core, compared with a voice-by-voice decoder as in public scripts."""

import time
from collections.abc import Callable, Iterator

import numpy as np

from deepdx_core.codec.packing import MAXIMA, pack_vmem, unpack_vmem

_VOICES = 400_000
_VOICES_ONE_BY_ONE = 20_000


def unpack_one_by_one(data: bytes) -> list[list[int]]:
    """Unpack voices with a loop over voices, operators and bytes."""
    voices = []
    for start in range(0, len(data), 128):
        packed = data[start : start + 128]
        voice = []
        for operator in range(6):
            o = packed[operator * 17 : operator * 17 + 17]
            voice += list(o[0:11])
            voice += [o[11] & 3, (o[11] >> 2) & 3, o[12] & 7, o[13] & 3, (o[13] >> 2) & 7, o[14]]
            voice += [o[15] & 1, (o[15] >> 1) & 31, o[16], (o[12] >> 3) & 15]
        voice += list(packed[102:110])
        voice += [packed[110] & 31, packed[111] & 7, (packed[111] >> 3) & 1]
        voice += list(packed[112:116])
        voice += [packed[116] & 1, (packed[116] >> 1) & 7, (packed[116] >> 4) & 7, packed[117]]
        voices.append(voice)
    return voices


def _time(work: Callable[[], object], repeats: int = 5) -> float:
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def measure() -> Iterator[tuple[str, float, float, str]]:
    """Yield name, our speed, other speed and unit."""
    random = np.random.default_rng(0)
    parameters = random.integers(0, MAXIMA.astype(int) + 1, (_VOICES, 145)).astype(np.uint8)
    names = np.full((_VOICES, 10), ord("A"), dtype=np.uint8)
    packed = pack_vmem(parameters, names)
    few = packed[:_VOICES_ONE_BY_ONE].tobytes()
    if unpack_one_by_one(few) != parameters[:_VOICES_ONE_BY_ONE].tolist():
        raise AssertionError("the two decoders disagree")
    ours = _VOICES / _time(lambda: unpack_vmem(packed))
    other = _VOICES_ONE_BY_ONE / _time(lambda: unpack_one_by_one(few))
    yield "unpack VMEM", ours, other, "voices/s"
