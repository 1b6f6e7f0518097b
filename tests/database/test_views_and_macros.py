"""Views and macros of the database give known rows for a corpus of a few voices."""

import duckdb
import numpy as np
import polars as pl
import pytest

from deepdx_core.compilation import jit
from deepdx_core.database.build import build_database
from deepdx_core.database.snapshot import query
from deepdx_core.home import Home
from deepdx_core.sound.engine.control import control, start_segment
from deepdx_core.sound.engine.notes import NO_CONTROLLERS, start_notes
from deepdx_core.sound.engine.tables import BLOCK, SAMPLE_RATE
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES, PARAMETERS

INIT, PIANO, ORGAN, BELL, BROKEN = (f"{n:020x}" for n in range(1, 6))
VOICES = {
    INIT: (["INIT VOICE"], 9, {}),
    PIANO: (["E.PIANO 1", "Rhodes"], 5, {"algorithm": 4, "op2_coarse": 14, "op2_fine": 50, "op2_detune": 10}),
    ORGAN: (["PIPES    1"], 3, {"algorithm": 31, "op1_coarse": 0, "op6_eg_rate_1": 50}),
    BELL: (["Glöckchen"], 1, {"op1_mode": 1, "op1_coarse": 6, "op1_fine": 50, "op1_detune": 0}),
    BROKEN: (["e piano"], 1, {"op3_eg_rate_1": 120}),
}
"""Names, files, and parameters that differ from INIT VOICE, by sound id."""


def rows_of(table, values):
    """Return rows of a table: the given values, and null, zero or an empty list in all other columns."""
    empty = TABLES[table].create_empty()
    nullable = {name for name, column in TABLES[table].columns().items() if column.nullable}

    def fill(name, dtype):
        return None if name in nullable else [] if dtype.is_nested() else "" if dtype == pl.String else 0

    filled = [{name: row.get(name, fill(name, dtype)) for name, dtype in empty.schema.items()} for row in values]
    return pl.DataFrame(filled, schema_overrides=empty.schema, strict=False, infer_schema_length=None)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("views") / "home")
    tables = Tables(home)
    sounds, verdicts, notes = [], [], []
    for sound_id, (names, files, changes) in VOICES.items():
        parameters = {p.name: p.default for p in PARAMETERS} | changes
        in_range = all(parameters[p.name] <= p.maximum for p in PARAMETERS)
        carriers = sorted(ALGORITHMS[parameters["algorithm"]].carriers)
        about = {"name": names[0], "names": names, "name_counts": [1] * len(names), "files": files, "slots": files}
        sounds.append({"sound_id": sound_id, "in_range": in_range, "carriers": carriers, **about, **parameters})
        verdict = "valid" if in_range else "corrupt"
        verdicts.append({"sound_id": sound_id, "verdict": verdict, "decided_by": "rules"})
    for note, velocity, peak in ((36, 127, -70), (60, 64, -90), (60, 100, -80)):
        measures = {"silent": True, "never_heard": True, "peak_db": peak, "renderer": "test"}
        notes.append({"sound_id": BELL, "note": note, "velocity": velocity, **measures})
    for table, values in (("unique_voices", sounds), ("verdicts", verdicts), ("audio_features", notes)):
        tables.write(table, rows_of(table, values))
    build_database(home.database, tables)
    return home.database


def test_a_sound_in_range_has_six_operators(database):
    counts = query(database, "SELECT sound_id, count(*) AS n FROM voice_operators GROUP BY ALL ORDER BY ALL")
    assert counts.rows() == [(sound, 6) for sound in (INIT, PIANO, ORGAN, BELL)]


def test_an_operator_has_its_role_frequency_and_parameters(database):
    operators = query(
        database,
        "SELECT sound_id, operator, role, mode, ratio, hz, detune, output_level FROM voice_operators "
        f"WHERE (sound_id, operator) IN (('{INIT}', 1), ('{PIANO}', 2), ('{ORGAN}', 1), ('{BELL}', 1)) ORDER BY ALL",
    )
    assert operators.rows() == [
        (INIT, 1, "carrier", "ratio", 1.0, None, 0, 99),
        (PIANO, 2, "modulator", "ratio", 21.0, None, 3, 0),
        (ORGAN, 1, "carrier", "ratio", 0.5, None, 0, 99),
        (BELL, 1, "carrier", "fixed", None, pytest.approx(316.2278), -7, 99),
    ]
    rates = query(database, f"SELECT operator FROM voice_operators WHERE sound_id = '{ORGAN}' AND eg_rate_1 = 50")
    assert rates.rows() == [(6,)]


def test_carriers_by_macro_and_by_view_agree(database):
    by_view = query(
        database,
        "SELECT sound_id, list(operator ORDER BY operator) FROM voice_operators WHERE role = 'carrier' "
        "GROUP BY ALL ORDER BY ALL",
    )
    by_macro = query(database, "SELECT sound_id, carriers(algorithm) FROM voice_parameters ORDER BY ALL")
    assert by_macro.rows() == by_view.rows()
    assert dict(by_macro.rows())[PIANO] == [1, 3, 5]
    by_sound = query(database, "SELECT sound_id, carriers(sound_id) FROM voice_parameters ORDER BY ALL")
    assert by_sound.rows() == by_view.rows()


def test_carriers_of_every_algorithm(database):
    found = query(database, "SELECT carriers(range) AS carriers FROM range(32)")["carriers"].to_list()
    assert found == [sorted(algorithm.carriers) for algorithm in ALGORITHMS]
    unknown = query(database, "SELECT carriers(-2), carriers(32), carriers(NULL), carriers('unknown')")
    assert unknown.row(0) == (None, None, None, None)


def build_of_sounds(folder, voices):
    """Build a database of sounds alone, from the parameters of each, `int[n, 145]`. Return its path."""
    about = {"in_range": True, "names": ["A"], "name_counts": [1]}
    rows = [
        {"sound_id": f"{i:020x}", **about, **dict(zip(PARAMETER_NAMES, values, strict=True))}
        for i, values in enumerate(np.asarray(voices).tolist())
    ]
    home = Home(folder / "home")
    Tables(home).write("unique_voices", rows_of("unique_voices", rows))
    build_database(home.database, Tables(home))
    return home.database


def test_globals_of_a_sound_have_names_and_units(tmp_path):
    changes = {"algorithm": 11, "oscillator_sync": 0, "transpose": 12, "lfo_wave": 5, "lfo_speed": 99}
    changes |= {"pitch_eg_level_1": 99, "pitch_eg_level_4": 0}
    database = build_of_sounds(tmp_path, [[changes.get(p.name, p.default) for p in PARAMETERS]])
    row = query(database, "FROM voice_globals").row(0, named=True)
    expected = {
        "algorithm_label": 12,
        "oscillator_sync": False,
        "transpose": -12,
        "lfo_wave": "sample and hold",
        "lfo_hz": pytest.approx(50.9, abs=0.01),
        "lfo_sync": True,
        "pitch_eg_semitones_1": pytest.approx(47.625),
        "pitch_eg_semitones_2": 0,
        "pitch_eg_semitones_4": -48,
    }
    assert {name: row[name] for name in expected} == expected


def test_durations_of_envelopes_are_those_of_the_engine(tmp_path):
    random = np.random.default_rng(7)
    voices = random.integers(0, [p.maximum + 1 for p in PARAMETERS], (60, len(PARAMETERS)))
    for n in (1, 2, 3, 4):  # equal levels and level 0, where envelopes are held
        for operator in (1, 2):
            voices[::2, INDEX[f"op{operator}_eg_level_{n}"]] = random.choice([0, 50, 99], 30)
    database = build_of_sounds(tmp_path, voices)
    stages = ", ".join(f"eg_seconds_{n}" for n in (1, 2, 3, 4))
    of_operators = query(database, f"SELECT {stages} FROM voice_operators ORDER BY sound_id, operator").to_numpy()
    pitch_stages = ", ".join(f"pitch_eg_seconds_{n}" for n in (1, 2, 3, 4))
    of_pitch = query(database, f"SELECT {pitch_stages} FROM voice_globals ORDER BY sound_id").to_numpy()

    velocities, keys = np.full(len(voices), 100), np.full(len(voices), 60)
    notes, operators = start_notes(voices.astype(np.uint8), keys, velocities, 0, NO_CONTROLLERS)
    blocks = np.zeros((len(voices), 7, 4), np.int64)
    for i in range(len(voices)):
        count_blocks(notes[i], operators[i : i + 1], blocks[i])
    seconds = blocks * BLOCK / SAMPLE_RATE
    three_blocks = 3 * BLOCK / SAMPLE_RATE
    assert np.abs(of_operators.reshape(len(voices), 6, 4) - seconds[:, :6]).max() <= three_blocks
    assert np.abs(of_pitch - seconds[:, 6]).max() <= three_blocks
    assert np.mean(seconds > 10 * three_blocks) > 0.25  # enough are so long that the bound means something


@jit
def count_blocks(note, operators, counts):
    """Play a note until all its envelopes have ended. Count the blocks of each stage, operators first, then pitch."""
    increments, starts, ends = np.zeros((1, 6), np.int32), np.zeros((1, 6), np.int32), np.zeros((1, 6), np.int32)
    audible = np.zeros((1, 6), np.bool_)
    for o in range(6):
        start_segment(operators[0, o])
    note.key_up_block = 1 << 40
    block = 0
    while True:
        segments = np.append(operators[0]["segment"], note.pitch_segment)
        if block == note.key_up_block:
            segments[:] = 3
        control(note, operators, 0, block, increments, starts, ends, audible)
        for o in range(7):
            if segments[o] < 3 or (segments[o] == 3 and note.released):
                counts[o, segments[o]] += 1
        block += 1
        slowest = min(operators[0]["segment"].min(), note.pitch_segment)
        if note.released and slowest == 4:
            return
        if not note.released and slowest >= 3:
            note.key_up_block = block


def test_features_of_a_sound_are_those_of_the_main_clip(database):
    row = query(database, "FROM sound_features").row(0, named=True)
    assert (row["sound_id"], row["peak_db"], row["highest_peak_db"], row["never_heard"]) == (BELL, -80, -70, True)
    assert {"note", "velocity"}.isdisjoint(row)


def test_distance_counts_differing_parameters(database):
    assert query(database, f"SELECT distance('{PIANO}', '{ORGAN}'), distance('{INIT}', 'unknown')").row(0) == (6, None)
    # A column with the name of a column in the macro stands for itself.
    by_column = query(database, f"SELECT sound_id, distance(sound_id, '{INIT}') FROM unique_voices ORDER BY ALL")
    assert by_column.rows() == [(INIT, 0), (PIANO, 4), (ORGAN, 3), (BELL, 4), (BROKEN, 1)]


def test_similar_sounds_are_the_nearest_valid_ones(database):
    found = query(database, f"FROM similar_to('{INIT}', 2)")
    assert found.columns == ["sound_id", "name", "differing", "files"]
    assert found.rows() == [(ORGAN, "PIPES    1", 3, 3), (PIANO, "E.PIANO 1", 4, 5)]
    assert query(database, f"SELECT sound_id FROM similar_to('{BROKEN}', 1)").rows() == [(INIT,)]
    assert query(database, "FROM similar_to('unknown', 2)").is_empty()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("e.piano", [(BROKEN, "e piano"), (PIANO, "E.PIANO 1")]),
        ("EPIANO1", [(PIANO, "E.PIANO 1"), (BROKEN, "e piano")]),
        ("rhode", [(PIANO, "Rhodes")]),
        ("Rohdes", [(PIANO, "Rhodes")]),
        ("GLOCKCHEN", [(BELL, "Glöckchen")]),
        ("pipes 1", [(ORGAN, "PIPES    1")]),
        ("it's", []),
        ("...", []),
        ("", []),
    ],
)
def test_names_are_found_by_similarity(database, text, expected):
    quoted = text.replace("'", "''")
    assert query(database, f"SELECT sound_id, name FROM find_names('{quoted}')").rows() == expected


def test_an_equal_name_has_similarity_1_and_a_longer_one_less(database):
    found = query(database, "SELECT similarity FROM find_names('e piano')")["similarity"].to_list()
    assert found == [1, pytest.approx(0.9 + 0.1 * 6 / 7)]


def test_every_macro_has_a_comment(database):
    found = query(database, "SELECT function_name, comment FROM duckdb_functions() WHERE NOT internal ORDER BY ALL")
    assert found["function_name"].to_list() == ["carriers", "distance", "find_names", "similar_to"]
    assert found["comment"].null_count() == 0


def test_any_client_can_use_views_and_macros(database):
    # docs/sql.md names the versions and clients that were tested by hand.
    with duckdb.connect() as client:
        client.execute(f"ATTACH '{database}' AS corpus (READ_ONLY)")
        assert client.execute("SELECT count(*) FROM corpus.voice_operators").fetchone() == (24,)
        client.execute("USE corpus")
        assert client.execute("SELECT count(*) FROM find_names('piano')").fetchone() == (2,)
