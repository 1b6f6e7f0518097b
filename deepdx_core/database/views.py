"""The views of the database: the most frequent queries over its tables. Every view and column has a description."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from deepdx_core.database.envelopes import KEY, PITCH_SEMITONES, VELOCITY, element, pitch_seconds, with_durations
from deepdx_core.sound.engine.tables import BLOCK, LFO_STEPS, SAMPLE_RATE
from deepdx_core.synths.kinds import FUNCTION_DATA, PERFORMANCE, PERFORMANCES, TX802_PERFORMANCES, MessageKind
from deepdx_core.tables.schemas import describe, describe_columns
from deepdx_core.voice.parameters import PARAMETER_NAMES, PARAMETERS


@dataclass(frozen=True)
class View:
    """A view: its description, query, tables that its columns come from, and descriptions of its other columns."""

    description: str
    sql: str
    sources: tuple[str, ...]
    columns: Mapping[str, str] = field(default_factory=dict)

    def describe(self, column: str) -> str:
        """Return the description of a column: the view's own, else that of the first source with this column."""
        of_sources = [describe_columns(table) for table in self.sources]
        return next(known[column] for known in (self.columns, *of_sources) if column in known)


_FOUND = "rules with a finding in the sound, the most severe first"

SLOTS = "decoded_slots"
"""The table `decoded_voices` without the parameters, which are in `unique_voices`. This halves the size of the file."""

_FEATURES = [name for name in describe_columns("audio_features") if name not in ("note", "velocity")]

_STAGES = range(1, 5)
_CURVES = ("-LIN", "-EXP", "+EXP", "+LIN")
_LFO_WAVES = ("triangle", "saw down", "saw up", "square", "sine", "sample and hold")

_LFO_HZ = [round(step * SAMPLE_RATE / BLOCK / 2**32, 4) for step in LFO_STEPS.tolist()]

_OPERATOR_COLUMNS = {
    parameter.name.removeprefix("op1_"): parameter.description.removeprefix("operator 1: ")
    for parameter in PARAMETERS
    if parameter.name.startswith("op1_")
}
_FREQUENCY = ("mode", "coarse", "fine", "detune")


def _select_operator(operator: int) -> str:
    parameters = ", ".join(f"op{operator}_{name} AS {name}" for name in _OPERATOR_COLUMNS)
    return f"""
        SELECT sound_id, {operator}::UTINYINT AS "operator", carriers, transpose, {parameters}
        FROM unique_voices WHERE in_range
        """


_PITCH_STAGES = [
    *(f"{element(PITCH_SEMITONES, f'pitch_eg_level_{n}')} AS pitch_eg_semitones_{n}" for n in _STAGES),
    *(f"{pitch_seconds(n)} AS pitch_eg_seconds_{n}" for n in _STAGES),
]
_OPERATORS = " UNION ALL ".join(map(_select_operator, range(1, 7)))
_ENVELOPE = [name for name in _OPERATOR_COLUMNS if name.startswith("eg_")]
_OTHERS = [
    f"{element(_CURVES, f'operators.{name}')} AS {name}" if name.endswith("_curve") else name
    for name in _OPERATOR_COLUMNS
    if name not in (*_ENVELOPE, *_FREQUENCY)
]

_PERFORMANCES = {
    "dx7ii": ("DX7II", (PERFORMANCES, PERFORMANCE)),
    "tx802": ("TX802", (TX802_PERFORMANCES,)),
    "tx7": ("TX7, DX1 or DX5", (FUNCTION_DATA,)),
}


def _name_values(synth: str, kinds: tuple[MessageKind, ...]) -> View:
    """Return a view of the performances of a synth with a column for each parameter."""
    layout = kinds[0].layout
    assert layout is not None
    columns = ", ".join(f"values[{n}] AS {field.name}" for n, field in enumerate(layout.fields, 1))
    ids = ", ".join(f"'{kind.id}'" for kind in kinds)
    return View(
        f"A performance of {synth} with its parameters.",
        f"""SELECT sha256, "offset", number, name, {columns} FROM performances WHERE kind IN ({ids})""",
        ("performances",),
        {field.name: field.description for field in layout.fields},
    )


VIEWS = {
    "decoded_voices": View(
        describe("decoded_voices"),
        f"""
        SELECT {SLOTS}.*, {", ".join(PARAMETER_NAMES)} FROM {SLOTS} LEFT JOIN unique_voices USING (sound_id)
        """,
        ("decoded_voices",),
    ),
    "voices": View(
        "A sound with its names, verdict, family, label and split.",
        """
        SELECT
            sound_id, name, names, slots, files, converted, verdict, verdicts.decided_by, why,
            [finding.rule FOR finding IN findings] AS found,
            repair, repaired_id, functional_id, family_id, best_name, family_size, family_representative,
            category, label, confidence, split, (algorithm + 1)::UTINYINT AS algorithm_label
        FROM unique_voices JOIN verdicts USING (sound_id) LEFT JOIN families USING (sound_id)
        LEFT JOIN labeled_voices USING (sound_id) LEFT JOIN (FROM training_splits WHERE in_corpus) USING (sound_id)
        """,
        ("unique_voices", "verdicts", "families", "labeled_voices", "training_splits"),
        {"found": _FOUND},
    ),
    "label_disagreements": View(
        "A sound whose names and parameters suggest different categories: worth listening to.",
        """
        SELECT sound_id, name, by_names, by_model, category, confidence, evidence
        FROM labeled_voices JOIN (FROM unique_voices SELECT sound_id, name) USING (sound_id)
        WHERE by_names <> by_model
        """,
        ("labeled_voices", "unique_voices"),
    ),
    "least_real": View(
        "A valid sound with the score of the critic. The first ones look most like a model's output: unusual "
        "sounds, and some that the rules missed.",
        """
        SELECT sound_id, name, realness, learned, label, files, family_size, found
        FROM realness JOIN voices USING (sound_id, label) ORDER BY realness, sound_id
        """,
        ("realness", "unique_voices", "families"),
        {"found": _FOUND},
    ),
    "voice_parameters": View(
        "A valid sound with its name and its 145 parameters, in VCED order. `deepdx convert` reads an export of it.",
        f"""
        SELECT sound_id, name, {", ".join(PARAMETER_NAMES)}
        FROM unique_voices SEMI JOIN (FROM verdicts WHERE verdict = 'valid') USING (sound_id)
        """,
        ("unique_voices",),
    ),
    "voice_operators": View(
        "An operator of a sound in range: its role, frequency, output level, envelope, sensitivities and key scaling. "
        f"Seconds hold for middle C (MIDI note {KEY}) at velocity {VELOCITY}.",
        f"""
        SELECT
            sound_id, "operator",
            CASE WHEN list_contains(carriers, "operator") THEN 'carrier' ELSE 'modulator' END AS role,
            CASE WHEN mode = 1 THEN 'fixed' ELSE 'ratio' END AS mode,
            CASE WHEN operators.mode = 0 THEN
                CASE WHEN coarse = 0 THEN 0.5 ELSE coarse END::DOUBLE * (100 + fine) / 100
            END AS ratio,
            CASE WHEN operators.mode = 1 THEN 10 ** (coarse % 4 + fine / 100.0::DOUBLE) END AS hz,
            (operators.detune::INTEGER - 7)::TINYINT AS detune,
            {", ".join(_ENVELOPE)}, eg_seconds_1, eg_seconds_2, eg_seconds_3, eg_seconds_4,
            {", ".join(_OTHERS)}
        FROM ({with_durations(_OPERATORS)}) AS operators
        """,
        ("unique_voices",),
        {
            **_OPERATOR_COLUMNS,
            "operator": "operator, 1 to 6",
            "role": "carrier or modulator, by the algorithm",
            "mode": "ratio (to the frequency of the key) or fixed",
            "ratio": "ratio to the frequency of the key, without detune; null if fixed",
            "hz": "frequency in Hz, without detune; null if a ratio",
            "detune": "detune, -7 to 7; 0 is none",
            "eg_seconds_1": "seconds from key-down to envelope level 1",
            "eg_seconds_2": "seconds from envelope level 1 to level 2",
            "eg_seconds_3": "seconds from envelope level 2 to level 3",
            "eg_seconds_4": "seconds from key-up, at envelope level 3, to level 4",
        },
    ),
    "voice_globals": View(
        "A sound in range with its parameters that are common to all operators, by names and in units.",
        f"""
        SELECT
            sound_id, name, (algorithm + 1)::UTINYINT AS algorithm_label, carriers, feedback,
            oscillator_sync = 1 AS oscillator_sync, (transpose::INTEGER - 24)::TINYINT AS transpose,
            {element(_LFO_WAVES, "voices.lfo_wave")} AS lfo_wave, {element(_LFO_HZ, "lfo_speed")} AS lfo_hz,
            lfo_delay, lfo_pitch_depth, lfo_amp_depth, lfo_sync = 1 AS lfo_sync, pitch_mod_sensitivity,
            {", ".join(_PITCH_STAGES)}
        FROM unique_voices AS voices WHERE in_range
        """,
        ("unique_voices", "labeled_voices"),
        {
            "oscillator_sync": "oscillators restart with each key (oscillator key sync)",
            "transpose": "transpose in semitones, -24 to 24; 0 is none",
            "lfo_wave": "LFO wave: " + ", ".join(_LFO_WAVES),
            "lfo_hz": "LFO speed in Hz",
            "lfo_sync": "LFO restarts with each key (LFO key sync)",
            **{f"pitch_eg_semitones_{n}": f"pitch envelope level {n} in semitones; 0 is no change" for n in _STAGES},
            "pitch_eg_seconds_1": "seconds from key-down, at pitch envelope level 4, to level 1",
            "pitch_eg_seconds_2": "seconds from pitch envelope level 1 to level 2",
            "pitch_eg_seconds_3": "seconds from pitch envelope level 2 to level 3",
            "pitch_eg_seconds_4": "seconds from key-up, at pitch envelope level 3, to level 4",
        },
    ),
    "sound_features": View(
        "A sound with its measures at middle C and velocity 100, and its highest peak over all rendered notes.",
        f"""
        SELECT {", ".join(_FEATURES)}, highest_peak_db
        FROM audio_features
        JOIN (SELECT sound_id, max(peak_db) AS highest_peak_db FROM audio_features GROUP BY sound_id) USING (sound_id)
        WHERE note = 60 AND velocity = 100
        """,
        ("audio_features",),
        {"highest_peak_db": "highest peak_db over all rendered notes of the sound, in dB"},
    ),
    "voice_sources": View(
        "A slot that contains a sound: path in the inbox, member of an archive, dump or message, and slot.",
        f"""
        SELECT sound_id, name, path, member, "offset", slot, synth
        FROM (FROM {SLOTS} SELECT sound_id, name, sha256, "offset", slot, 'DX7' AS synth
            UNION ALL FROM converted_voices SELECT sound_id, name, sha256, "offset", slot, synth)
        JOIN (FROM raw_files SELECT path, member, sha256) USING (sha256)
        WHERE sound_id IS NOT NULL
        """,
        ("decoded_voices", "raw_files"),
        {"synth": "synth that the voice in this slot was made for; another than the DX7 for a converted voice"},
    ),
    "losses": View(
        "A thing that a DX7 does not have of a converted voice, or of the supplement of a DX7II voice.",
        f"""
        SELECT sound_id, synth, name, sha256, "offset", slot, unnest(losses) AS lost FROM converted_voices
        UNION ALL BY NAME
        SELECT sound_id, 'DX7II' AS synth, name, sha256, "offset", slot, unnest(losses) AS lost
        FROM supplements JOIN {SLOTS} USING (sha256, "offset", slot)
        """,
        ("converted_voices",),
        {"lost": "what was lost, in words; why there is no sound if sound_id is null"},
    ),
    **{f"{name}_performances": _name_values(synth, kinds) for name, (synth, kinds) in _PERFORMANCES.items()},
    "slot_verdicts": View(
        "A slot of a dump with the verdict on its sound; corrupt if the slot could not be read.",
        """
        SELECT sha256, "offset", slot, name, sound_id, coalesce(verdict, 'corrupt') AS verdict
        FROM decoded_voices LEFT JOIN verdicts USING (sound_id)
        """,
        ("decoded_voices", "verdicts"),
    ),
    "findings": View(
        "A finding in a sound, or in a slot that could not be read: rule, severity, parameter and value.",
        """
        SELECT sound_id, NULL AS sha256, NULL AS "offset", NULL AS slot, unnest(findings, recursive := true)
        FROM verdicts
        UNION ALL BY NAME
        SELECT sha256, "offset", slot, 'corrupt' AS severity, unnest(findings, recursive := true)
        FROM decoded_voices WHERE sound_id IS NULL
        """,
        ("decoded_voices",),
        {
            "sha256": "SHA-256 of the file; null for a finding in a sound",
            "offset": "byte offset of the dump in the file; null for a finding in a sound",
            "slot": "slot in the dump, from 1; null for a finding in a sound",
            "rule": "id of the rule",
            "severity": "verdict that the rule leads to; note has no effect on the verdict",
            "parameter": "parameter or measure with the finding; null if it concerns the whole voice",
            "value": "value of the parameter or measure; null if there is none",
        },
    ),
    "funnel": View(
        "The count of an outcome at a step from files to families and labels, for one source.",
        files(__package__).joinpath("funnel.sql").read_text(),
        (),
        {
            "position": "position of the step, from 1",
            "step": "step, from files and contents to families, labels and splits",
            "source": "top folder of the inbox, or of an archive in it",
            "outcome": "result at this step: it leads to a later step, or names the reason why not",
            "count": "number of files, segments, voices or sounds with this outcome",
        },
    ),
}
"""Every view by its name. A view uses only tables and earlier views."""
