"""The conversion to the SY77 beside that of a program of the 1990s, on voices of which both sides are known.

`python -m studies.sy77_pairs CORPUS` pairs SY77 voices of a public collection with DX7 voices of another by name,
algorithm, and the frequencies of all operators. It prints the share of pairs in which a field of the conversion is that
of the real SY77 voice: of all pairs, and of the family whose envelopes follow the same laws in every operator. Then the
error of level scaling of both conversions, beside the DX7's own curves; how far a DX7 voice is by sound from itself
after a conversion to the SY77 and back; and how many SY77 voices have a DX7 counterpart.
"""

import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from deepdx_core.api import render
from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.codec.names import names_to_text
from deepdx_core.codec.packing import MAXIMA
from deepdx_core.conversions.from_sy77 import convert_from_sy77
from deepdx_core.conversions.level_scaling import dx7_curves, sy77_curves
from deepdx_core.conversions.sy77_routing import STANDING
from deepdx_core.conversions.to_sy77 import MODE, convert_to_sy77
from deepdx_core.exchange.inspection import inspect_files
from deepdx_core.synths.messages import read_messages
from deepdx_core.synths.sy77.layouts import LAYOUTS, OPERATORS
from deepdx_core.voice.columns import operator_columns
from deepdx_core.voice.parameters import PARAMETER_NAMES

_LAYOUT = LAYOUTS[MODE]
_PIANO = slice(21, 109)
_WINDOW = 2048
_SAMPLE = 200  # voices that are rendered


def read_sy77(path: Path) -> tuple[list[str], UInt8Array]:
    """Return names and values of the distinct voices with one AFM element in an archive."""
    records = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            for message in read_messages(archive.read(name)):
                if message.kind.layout is not None and message.kind.id in ("sy77-0", "sy77-3"):
                    records.append(message.records)
    voices = np.concatenate(records)
    voices = voices[np.unique(voices[:, 17:], axis=0, return_index=True)[1]]  # without memory, number and mode
    return names_to_text(_LAYOUT.names(voices)).tolist(), _LAYOUT.unpack(voices)


def read_dx7(path: Path) -> tuple[list[str], UInt8Array]:
    """Return names and parameters of the legal voices in an archive."""
    _, voices = inspect_files([path])
    voices = voices.filter(pl.col("sound_id").is_not_null()).unique(["sound_id", "name"], maintain_order=True)
    parameters = voices.select(PARAMETER_NAMES).to_numpy().astype(np.uint8)
    legal = (parameters <= MAXIMA).all(axis=1)
    return voices.filter(pl.Series(legal))["name"].to_list(), parameters[legal]


def _columns(*names: str) -> list[int]:
    return [column for name in names for column in _LAYOUT.columns("element1_op{}_" + name, OPERATORS)]


def _keys(names: list[str], values: UInt8Array) -> list[str]:
    """Return what both voices of a pair have in common: name, algorithm and frequencies."""
    fixed = values[:, _columns("fixed")]
    coarse = values[:, _columns("coarse")]
    same = np.where(fixed == 1, (coarse - 1) & 3, coarse)  # the other converter kept all of the DX7's coarse frequency
    common = np.concatenate(
        [values[:, [_LAYOUT.index["element1_algorithm"]]], fixed, same, values[:, _columns("fine")]], axis=1
    )
    return [f"{name}\0{row.tobytes().hex()}" for name, row in zip(names, np.ascontiguousarray(common), strict=True)]


def pair(sy77: UInt8Array, sy77_keys: list[str], made: UInt8Array, made_keys: list[str]) -> Int64Array:
    """Return pairs of rows, `int64[n, 2]`: each SY77 voice with the conversion that is most like it."""
    left = pl.DataFrame({"key": sy77_keys}).with_row_index("sy77")
    right = pl.DataFrame({"key": made_keys}).with_row_index("made")
    rows = left.join(right, on="key").select("sy77", "made").to_numpy().astype(np.int64)
    equal = (sy77[rows[:, 0]] == made[rows[:, 1]]).sum(axis=1)
    best = rows[np.lexsort((-equal, rows[:, 0]))]
    return best[np.unique(best[:, 0], return_index=True)[1]]


FIELDS = {
    "rates 1-3": _columns("eg_rate_1", "eg_rate_2", "eg_rate_3"),
    "release rate (R4)": _columns("eg_release_rate_1"),
    "levels 1-3": _columns("eg_level_1", "eg_level_2", "eg_level_3"),
    "level 4, release levels": _columns("eg_level_4", "eg_release_level_1", "eg_release_level_2"),
    "level at key-on": _columns("eg_level_0"),
    "loop, hold, wave, rate velocity, pitch EG on": _columns(
        "eg_loop", "eg_hold", "wave", "velocity_rate", "pitch_eg", "eg_rate_4", "eg_release_rate_2"
    ),
    "output level": _columns("output_level"),
    "output correction": _columns("output_correction"),
    "rate scaling": _columns("rate_scaling"),
    "velocity": _columns("velocity_sensitivity"),
    "AM sensitivity": _columns("amp_mod_sensitivity"),
    "coarse": _columns("coarse"),
    "detune": _columns("detune"),
    "phase reset, phase": _columns("phase_reset", "phase"),
    "PM sensitivity": _columns("pitch_mod_sensitivity"),
    "routing": _columns("inputs", "accumulator", "bus"),
    "input levels and feedback": _columns("input_level_0", "input_level_1"),
    "level scaling: points and offsets": _columns(
        *(f"{n}_{k}" for n in ("break_point", "offset") for k in range(1, 5))
    ),
    **{
        name: [_LAYOUT.index[f"element1_{field}"] for field in fields]
        for name, fields in {
            "LFO speed": ["lfo_speed"],
            "LFO delay, depths, wave": ["lfo_delay", "lfo_pitch_depth", "lfo_amp_depth", "lfo_wave"],
            "LFO phase": ["lfo_phase"],
            "note shift": ["note_shift"],
            "pitch EG rates": [*(f"pitch_eg_rate_{k}" for k in (1, 2, 3)), "pitch_eg_release_rate"],
            "pitch EG levels": [*(f"pitch_eg_level_{k}" for k in range(4)), "pitch_eg_release_level"],
        }.items()
    },
}


def spectra(parameters: UInt8Array) -> Float64Array:
    """Return the levels of voices at middle C in 40 bands every 12 ms, in dB, `float64[n, times, 40]`."""
    frame = pl.DataFrame(parameters, schema=dict.fromkeys(PARAMETER_NAMES, pl.UInt8))
    audio = render(frame, note=60, seconds=1.5)
    windows = np.lib.stride_tricks.sliding_window_view(audio, _WINDOW, axis=1)[:, :: _WINDOW // 4] * np.hanning(_WINDOW)
    amplitudes = np.abs(np.fft.rfft(windows))
    edges = np.unique(np.geomspace(2, _WINDOW // 2, 41).astype(int))
    bands = [amplitudes[..., low:high].sum(axis=2) for low, high in pairwise(edges)]
    return np.asarray(20 * np.log10(np.stack(bands, axis=2) + 1e-3))


def main(corpus: Path) -> None:
    """Print shares and errors."""
    console = Console(width=120)
    names, sy77 = read_sy77(corpus / "other-synths" / "sy77" / "sy77-voices.zip")
    dx7_names, dx7 = read_dx7(corpus / "dx7-library.zip")
    made, _ = convert_to_sy77(dx7)
    rows = pair(sy77, _keys(names, sy77), made, _keys(dx7_names, made))
    equal = sy77[rows[:, 0]] == made[rows[:, 1]]
    envelopes = FIELDS["rates 1-3"] + FIELDS["levels 1-3"]
    family = equal[:, envelopes].all(axis=1)
    table = Table("field", f"all {len(rows):,} pairs", f"{family.sum():,} of the family")
    for name, columns in FIELDS.items():
        shares = [100 * equal[which][:, columns].mean() for which in (slice(None), family)]
        table.add_row(name, *(f"{share:.1f} %" for share in shares))
    whole = [
        column
        for name, columns in FIELDS.items()
        if "scaling: " not in name and "key-on" not in name
        for column in columns
    ]
    shares = [100 * equal[which][:, whole].all(axis=1).mean() for which in (slice(None), family)]
    table.add_row("all of these, but key-on and level scaling", *(f"{share:.1f} %" for share in shares))
    console.print(table)

    pairs = rows[family]
    standing = STANDING[dx7[pairs[:, 1]][:, PARAMETER_NAMES.index("algorithm")]].astype(np.intp) - 1
    scaling = np.stack(
        [
            np.take_along_axis(dx7[pairs[:, 1]][:, operator_columns(name)].astype(np.int64), standing, axis=1)
            for name in ("break_point", "left_depth", "right_depth", "left_curve", "right_curve")
        ],
        axis=2,
    ).reshape(-1, 5)
    in_use = (scaling[:, 1:3] > 0).any(axis=1)
    curves = dx7_curves(scaling[in_use])
    for what, values in (("the program of the 1990s", sy77[pairs[:, 0]]), ("this conversion", made[pairs[:, 1]])):
        points, offsets = (
            np.stack([values[:, _columns(f"{name}_{k}")] for k in range(1, 5)], axis=2).reshape(-1, 4).astype(np.int64)
            for name in ("break_point", "offset")
        )
        errors = np.abs(sy77_curves(points[in_use], offsets[in_use] - 128) - curves)[:, _PIANO] * 0.7526
        console.print(
            f"level scaling by {what}: mean error {errors.mean():.2f} dB, largest at a key: "
            f"median {np.median(errors.max(axis=1)):.2f} dB, 90 % below {np.percentile(errors.max(axis=1), 90):.2f} dB "
            f"({in_use.sum():,} operators)"
        )

    sample = dx7[np.random.default_rng(0).choice(len(dx7), _SAMPLE, replace=False)]
    values, _ = convert_to_sy77(sample)
    back = convert_from_sy77(values, np.zeros((len(values), 10), np.uint8), MODE)
    before, after = spectra(sample), spectra(back.parameters)
    distances = np.abs(before - after).mean(axis=(1, 2))
    others = np.abs(before - np.roll(before, 1, axis=0)).mean(axis=(1, 2))
    console.print(
        f"to the SY77 and back, mean difference of spectra at middle C: median {np.median(distances):.2f} dB, 90 % "
        f"below {np.percentile(distances, 90):.2f} dB ({_SAMPLE} voices; between two different ones: "
        f"{np.median(others):.0f} dB)"
    )
    counterparts = convert_from_sy77(sy77, np.zeros((len(sy77), 10), np.uint8), MODE)
    lossless = counterparts.possible & ~counterparts.losses.present.any(axis=1)
    console.print(
        f"{counterparts.possible.sum():,} of {len(sy77):,} SY77 voices have a DX7 counterpart, {lossless.sum():,} "
        "of them without any loss"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
