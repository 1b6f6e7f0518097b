"""Cases of the engine's golden samples: voices, notes and lengths that reach every law of the engine.

`golden/engine.json` contains a digest of each case's samples, which are integers in 1/4096 of a full carrier.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import Float32Array, Int64Array, UInt8Array
from deepdx_core.codec.packing import MAXIMA, unpack_vmem
from deepdx_core.voice.parameters import INDEX, VMEM_SIZE
from tests.support.banks import files_below, framed_banks
from tests.support.paths import DEMO, ROOT
from tests.support.voices import init_voice, random_voices

GOLDEN = ROOT / "tests" / "golden" / "engine.json"

SAMPLE_RATE = 44_100
FULL_CARRIER = 4096

ENDS_WITHIN_A_BLOCK = (0.2, 0.35)
"""Seconds until key-up and seconds in all: neither is a multiple of 64 samples."""


@dataclass(frozen=True)
class Case:
    """One rendered note. `held` and `seconds` count from its start."""

    name: str
    voice: UInt8Array
    note: int = 60
    velocity: int = 100
    held: float = ENDS_WITHIN_A_BLOCK[0]
    seconds: float = ENDS_WITHIN_A_BLOCK[1]


@dataclass(frozen=True)
class Group:
    """Cases of one length as arrays: voices `uint8[n, 145]`, notes and velocities `int64[n]`."""

    names: list[str]
    voices: UInt8Array
    notes: Int64Array
    velocities: Int64Array
    held: float
    seconds: float

    @property
    def samples(self) -> int:
        """Number of samples of each case."""
        return round(self.seconds * SAMPLE_RATE)


def groups(cases: list[Case]) -> Iterator[Group]:
    """Yield cases by length."""
    for held, seconds in dict.fromkeys((case.held, case.seconds) for case in cases):
        rows = [case for case in cases if (case.held, case.seconds) == (held, seconds)]
        yield Group(
            names=[case.name for case in rows],
            voices=np.stack([case.voice for case in rows]),
            notes=np.array([case.note for case in rows]),
            velocities=np.array([case.velocity for case in rows]),
            held=held,
            seconds=seconds,
        )


def digest_samples(samples: Float32Array) -> str:
    """Return the SHA-256 of a case's samples as little-endian 32-bit integers, in 1/4096 of a full carrier."""
    integers = samples.astype(np.float64) * FULL_CARRIER
    assert (integers == np.rint(integers)).all()
    return hashlib.sha256(integers.astype("<i4").tobytes()).hexdigest()


def read_golden() -> tuple[int, dict[str, tuple[int, str]]]:
    """Return the engine's version, and number and digest of the samples of each case."""
    document = json.loads(GOLDEN.read_text())
    return document["version"], {name: (count, digest) for name, (count, digest) in document["cases"].items()}


def write_golden(version: int, cases: dict[str, tuple[int, str]]) -> None:
    """Write the golden file, with one line per case."""
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(case)}" for name, case in cases.items())
    GOLDEN.write_text(f'{{\n "version": {version},\n "cases": {{\n{lines}\n }}\n}}\n')


def six(**values: list[int] | int) -> dict[str, int]:
    """Return a parameter of operators 1 to 6 by name: from a list of six, or the same value for all."""
    return {
        f"op{operator}_{name}": given[operator - 1] if isinstance(given, list) else given
        for name, given in values.items()
        for operator in range(1, 7)
    }


RICH = six(
    output_level=[95, 78, 90, 72, 85, 76],
    coarse=[1, 2, 1, 3, 0, 5],
    fine=[0, 3, 0, 41, 7, 0],
    detune=[7, 9, 3, 7, 14, 0],
    eg_rate_1=[90, 99, 72, 80, 99, 65],
    eg_rate_2=[60, 55, 70, 48, 62, 75],
    eg_level_2=[90, 75, 92, 80, 70, 95],
    eg_rate_4=[55, 70, 60, 75, 50, 65],
    velocity_sensitivity=[1, 3, 0, 2, 0, 4],
)
"""All six operators audible, in motion, and different."""

ADDITIVE = {"algorithm": 31, **six(output_level=90, coarse=[1, 2, 3, 4, 5, 6])}
"""Six carriers, so that a parameter of an operator has six values in one case."""


def _pitch_rates(*rates: int) -> dict[str, int]:
    return {f"pitch_eg_rate_{number}": rate for number, rate in enumerate(rates, 1)}


def _pitch_levels(*levels: int) -> dict[str, int]:
    return {f"pitch_eg_level_{number}": level for number, level in enumerate(levels, 1)}


def _sixes(values: range) -> Iterator[list[int]]:
    """Yield the values in lists of six; the last list is filled up with its last value."""
    for start in range(values.start, values.stop, 6):
        yield [min(value, values.stop - 1) for value in range(start, start + 6)]


def _algorithms() -> Iterator[Case]:
    for algorithm in range(32):
        voice = init_voice(**RICH, algorithm=algorithm, feedback=algorithm % 7 + 1)
        yield Case(f"algorithm {algorithm + 1}", voice)
    # In 4, 6 and 32 feedback has laws of its own, in 10 it has not.
    for algorithm in (4, 6, 10, 32):
        for feedback in range(8):
            voice = init_voice(**RICH, algorithm=algorithm - 1, feedback=feedback)
            yield Case(f"algorithm {algorithm}, feedback {feedback}", voice, note=48, held=0.1, seconds=0.2)
    for algorithm, silent in ((4, 6), (4, 5), (4, 4), (6, 6), (6, 5), (32, 6), (1, 6), (20, 3), (16, 1)):
        voice = init_voice(
            **RICH | {f"op{silent}_output_level": 0, f"op{silent}_velocity_sensitivity": 0},
            algorithm=algorithm - 1,
            feedback=6,
        )
        yield Case(f"algorithm {algorithm}, operator {silent} silent", voice)
    for algorithm in (4, 6):
        voice = init_voice(**RICH | six(eg_rate_1=[99, 99, 99, 60, 50, 40]), algorithm=algorithm - 1, feedback=7)
        yield Case(f"algorithm {algorithm}, slow gains in its loop", voice)


def _lfo() -> Iterator[Case]:
    modulated = RICH | six(amp_mod_sensitivity=[1, 2, 3, 0, 0, 0])
    depths = {"lfo_pitch_depth": 40, "lfo_amp_depth": 60}
    for wave in range(6):
        for delay in (0, 50):
            for sync in (0, 1):
                lfo = {"lfo_wave": wave, "lfo_delay": delay, "lfo_sync": sync, "lfo_speed": 90}
                voice = init_voice(**modulated, **depths, **lfo, algorithm=4)
                yield Case(f"LFO wave {wave}, delay {delay}, sync {sync}", voice, held=0.3, seconds=0.45)
    for speed in range(100):
        voice = init_voice(lfo_speed=speed, lfo_wave=4, lfo_sync=0, pitch_mod_sensitivity=7, lfo_pitch_depth=99)
        yield Case(f"LFO speed {speed}", voice, held=0.2, seconds=0.2)
    for delay in (1, 20, 40, 60, 70, 80, 90, 99):
        voice = init_voice(**modulated, **depths, lfo_delay=delay, lfo_speed=60, lfo_wave=2)
        yield Case(f"LFO delay {delay}", voice, held=1.2, seconds=1.3)
    for sensitivity in range(8):
        voice = init_voice(pitch_mod_sensitivity=sensitivity, lfo_pitch_depth=99, lfo_speed=70)
        yield Case(f"pitch modulation sensitivity {sensitivity}", voice)
    for depth in (1, 33, 66, 98, 99):
        voice = init_voice(
            **ADDITIVE | six(amp_mod_sensitivity=[0, 1, 2, 3, 1, 3]), lfo_amp_depth=depth, lfo_speed=80, lfo_wave=1
        )
        yield Case(f"amplitude modulation depth {depth}", voice)
    for sensitivity in range(4):
        voice = init_voice(op1_amp_mod_sensitivity=sensitivity)
        yield Case(f"amplitude modulation sensitivity {sensitivity} at depth 0", voice)


def _pitch() -> Iterator[Case]:
    for coarse in _sixes(range(32)):
        yield Case(f"coarse {coarse}", init_voice(**ADDITIVE | six(coarse=coarse)), note=40)
    for fine in _sixes(range(100)):
        yield Case(f"fine {fine}", init_voice(**ADDITIVE | six(fine=fine)), seconds=0.25)
    for detune in _sixes(range(15)):
        # The law of detune has single precision. At notes 54 and 85 it shows, if the frequency is high enough.
        for note, coarse in ((24, 1), (54, 31), (85, 31)):
            voice = init_voice(**ADDITIVE | six(detune=detune, coarse=coarse, fine=99), **_pitch_levels(93, 93, 93, 93))
            yield Case(f"detune {detune}, note {note}", voice, note=note)
    for coarse in range(4):
        for detune in _sixes(range(15)):
            voice = init_voice(**ADDITIVE | six(mode=1, coarse=coarse, detune=detune, fine=[0, 20, 40, 60, 80, 99]))
            yield Case(f"fixed frequency, coarse {coarse}, detune {detune}", voice, seconds=0.25)
    voice = init_voice(**ADDITIVE | six(mode=1, coarse=[6, 11, 17, 22, 28, 31], fine=[5, 15, 25, 35, 45, 55]))
    yield Case("fixed frequency, coarse over 3", voice, note=90)
    for transpose in (0, 11, 24, 37, 48):
        for note in (0, 60, 127):
            voice = init_voice(transpose=transpose, op1_break_point=40, op1_left_depth=50, op1_rate_scaling=5)
            yield Case(f"transpose {transpose}, note {note}", voice, note=note, seconds=0.25)
    fastest = init_voice(**ADDITIVE | six(coarse=31, fine=[0, 20, 40, 60, 80, 99]), **_pitch_levels(99, 99, 99, 99))
    for note in (90, 100, 110, 120, 127):
        yield Case(f"more than 21 octaves above 1 Hz, note {note}", fastest, note=note)
    moving = _pitch_rates(70, 80, 60, 75) | _pitch_levels(80, 30, 60, 20)
    envelopes = {
        "up and down": moving,
        "fast": moving | _pitch_rates(99, 99, 99, 99),
        "slow": moving | _pitch_rates(20, 20, 20, 20),
        "to the extremes": moving | _pitch_rates(90, 99, 60, 99) | _pitch_levels(99, 0, 50, 99),
        "level throughout": moving | _pitch_levels(70, 70, 70, 70),
        "with the LFO": moving | {"lfo_pitch_depth": 50, "lfo_speed": 85, "pitch_mod_sensitivity": 5},
    }
    for value in range(0, 100, 4):
        values = [value, value + 1, value + 2, value + 3]
        voice = init_voice(**_pitch_rates(*values) | _pitch_levels(*values[::-1]))
        yield Case(f"pitch envelope rates and levels {values}", voice, held=0.25, seconds=0.3)
    for name, changes in envelopes.items():
        voice = init_voice(**RICH, **six(mode=[0, 1, 0, 0, 1, 0]), **changes, algorithm=4, feedback=3)
        yield Case(f"pitch envelope {name}", voice, held=0.6, seconds=0.9)


def _levels() -> Iterator[Case]:
    for level in _sixes(range(100)):
        yield Case(f"output level {level}", init_voice(**ADDITIVE | six(output_level=level)), seconds=0.25)
    for velocity in (1, 31, 64, 101, 127):
        for sensitivity in ([0, 1, 2, 3, 4, 5], [6, 7, 6, 7, 6, 7]):
            voice = init_voice(
                **ADDITIVE | six(velocity_sensitivity=sensitivity, output_level=[99, 99, 99, 99, 50, 30])
            )
            yield Case(f"velocity sensitivity {sensitivity}, velocity {velocity}", voice, velocity=velocity)
    for curve in range(4):
        for note in (0, 40, 60, 90, 127):
            voice = init_voice(
                **ADDITIVE
                | six(
                    output_level=70,
                    left_curve=curve,
                    right_curve=curve,
                    break_point=[39, 43, 0, 99, 60, 20],
                    left_depth=[20, 99, 50, 30, 70, 5],
                    right_depth=[10, 99, 40, 80, 60, 90],
                )
            )
            yield Case(f"key scaling curve {curve}, note {note}", voice, note=note, seconds=0.25)
    for note in (0, 40, 60, 80, 127):
        for scaling in ([0, 1, 2, 3, 4, 5], [6, 7, 6, 7, 6, 7]):
            slow = six(eg_rate_1=60, eg_rate_2=50, eg_level_2=80, eg_rate_4=45, rate_scaling=scaling)
            yield Case(f"rate scaling {scaling}, note {note}", init_voice(**ADDITIVE | slow), note=note)


def _envelopes() -> Iterator[Case]:
    for rate in _sixes(range(100)):
        rates = six(eg_rate_1=rate, eg_rate_2=rate[::-1], eg_rate_3=rate, eg_rate_4=rate)
        levels = six(eg_level_1=[99, 90, 80, 70, 99, 95], eg_level_2=[60, 50, 70, 30, 90, 0], eg_level_3=80)
        yield Case(f"envelope rates {rate}", init_voice(**ADDITIVE | rates | levels), held=0.5, seconds=0.8)
    for level in _sixes(range(100)):
        levels = six(eg_level_1=level, eg_level_2=level[::-1], eg_level_3=[99 - value for value in level])
        levels |= six(eg_rate_2=85, eg_rate_3=88, eg_rate_4=70, eg_level_4=[0, 10, 30, 50, 70, 99])
        yield Case(f"envelope levels {level}", init_voice(**ADDITIVE | levels))
    for rate in _sixes(range(100)):
        held = six(eg_level_1=99, eg_level_2=99, eg_rate_2=rate, eg_level_3=60, eg_rate_3=80)
        yield Case(f"level 2 holds level 1 at rate {rate}", init_voice(**ADDITIVE | held), held=0.6, seconds=0.65)
    for rate in _sixes(range(28, 100)):
        silent = six(eg_level_1=0, eg_rate_1=rate, eg_rate_2=90)
        yield Case(f"level 1 is 0 at rate {rate}", init_voice(**ADDITIVE | silent), held=0.6, seconds=0.65)
    late = six(eg_level_1=0, eg_rate_1=[70, 73, 75, 76, 77, 80], eg_rate_2=70, rate_scaling=[0, 7, 4, 7, 1, 7])
    yield Case("level 1 is 0, with rate scaling", init_voice(**ADDITIVE | late), note=72, held=0.5, seconds=0.6)
    held = six(eg_level_1=80, eg_level_2=80, eg_level_3=80, eg_level_4=80, eg_rate_2=75, eg_rate_3=70, eg_rate_4=80)
    yield Case("all levels are the same", init_voice(**ADDITIVE | held), held=0.4, seconds=0.6)
    low = six(output_level=[0, 5, 10, 20, 30, 99], eg_level_1=[99, 50, 20, 10, 5, 1], eg_level_2=[0, 1, 2, 3, 4, 5])
    yield Case("levels below the lowest", init_voice(**ADDITIVE | low | six(eg_rate_2=70)), held=0.5, seconds=0.6)
    silent = six(eg_level_1=0, eg_level_2=0, eg_level_3=0, eg_rate_1=60, eg_rate_2=75, eg_rate_3=80)
    yield Case("silent while the key is down, and then not", init_voice(**ADDITIVE | silent | six(eg_level_4=80)))
    yield Case("silence", init_voice(op1_output_level=0))


def _lengths() -> Iterator[Case]:
    voice = init_voice(**RICH, algorithm=17, feedback=5)
    for held, samples in ((0, 6400), (1, 6401), (63, 200), (64, 200), (65, 200), (6400, 9999), (9999, 6400), (64, 1)):
        name = f"key up at sample {held} of {samples}"
        yield Case(name, voice, held=held / SAMPLE_RATE, seconds=samples / SAMPLE_RATE)
    for note in (0, 1, 64, 126, 127):
        for velocity in (1, 127):
            yield Case(f"note {note}, velocity {velocity}", voice, note=note, velocity=velocity)
    yield Case("a long note", voice, note=36, held=3.0, seconds=4.0)


def _voices() -> Iterator[Case]:
    banks = framed_banks(files_below(DEMO))
    voices = unpack_vmem(banks.reshape(-1, VMEM_SIZE))[0]
    random = np.random.default_rng(1983)
    for number, voice in enumerate(voices[random.choice(len(voices), 32, replace=False)]):
        note, velocity = (int(drawn) for drawn in random.integers((24, 20), (100, 128)))
        yield Case(f"demo voice {number}", voice, note=note, velocity=velocity, held=0.6, seconds=1.0)
    for number, voice in enumerate(random_voices(32, seed=7)[0]):
        note, velocity = (int(drawn) for drawn in random.integers((0, 1), (128, 128)))
        yield Case(f"random voice {number}", voice, note=note, velocity=velocity, held=0.4, seconds=0.6)
    lowest, highest = np.zeros_like(MAXIMA), MAXIMA.copy()
    highest[INDEX["algorithm"]] = 4
    yield Case("all parameters at their minimum", lowest)
    yield Case("all parameters at their maximum", highest)


CASES: list[Case] = [
    *_algorithms(),
    *_lfo(),
    *_pitch(),
    *_levels(),
    *_envelopes(),
    *_lengths(),
    *_voices(),
]
"""All cases; names are unique."""
