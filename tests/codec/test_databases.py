"""Voices in SQLite databases: whole and in order in any layout of pages, and no failure for any bytes."""

import sqlite3

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.segments import Format
from tests.codec.test_messages import BANK, PACKED, SINGLES, VOICES, read_dumps, read_voices
from tests.codec.test_records import UNPACKED
from tests.support.readings import read_checked

DOUBTFUL = PACKED[:12].copy()  # voices that no evidence but the database's shows
DOUBTFUL[:, 0:40] = 110
DOUBTFUL[:, 118:] = np.frombuffer(b"\x01\x02??##!!~~", np.uint8)


def database(values, table="CREATE TABLE v (id INTEGER PRIMARY KEY, name TEXT, data BLOB)", page=4096, after=()):
    """Return a database with a row for each value, after further statements."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute(f"PRAGMA page_size = {page}")
        connection.execute(table)
        for number, value in enumerate(values):
            connection.execute("INSERT INTO v (id, name, data) VALUES (?, ?, ?)", (number, f"Voice {number}", value))
        for statement in after:
            connection.execute(statement)
        connection.commit()
        return bytes(connection.serialize())


def rows(records):
    return [record.tobytes() for record in records]


@pytest.mark.parametrize("page", [512, 1024, 4096, 65536])
@pytest.mark.parametrize(
    "values",
    [rows(PACKED), rows(UNPACKED), SINGLES, [b"DX7 voice: " + row for row in rows(PACKED)]],
    ids=["packed", "unpacked", "messages", "behind a label"],
)
def test_voices_are_in_the_order_of_rows_on_pages_of_any_size(page, values):
    data = database(values * 3, page=page)
    assert read_voices(data) == VOICES * 3
    assert len(read_dumps(data)) == 1


@pytest.mark.parametrize(
    "table",
    [
        "CREATE TABLE v (id TEXT PRIMARY KEY, name TEXT, data BLOB) WITHOUT ROWID",
        "CREATE TABLE v (data BLOB, name TEXT, id INTEGER)",
        'CREATE TABLE v (id INTEGER, name TEXT, data BLOB, "a""b" BLOB AS (data) VIRTUAL, c BLOB AS (data) STORED)',
        "CREATE TABLE v (id INTEGER, name TEXT, data)",
        "CREATE TABLE v (id INTEGER, name TEXT UNIQUE, data BLOB UNIQUE)",
    ],
)
def test_voices_are_read_once_from_any_kind_of_table(table):
    assert read_voices(database(rows(PACKED)[:10], table)) == VOICES[:10]


@pytest.mark.parametrize(
    ("statement", "voices"),
    [
        ("DELETE FROM v WHERE id < 8", VOICES[8:]),
        ("UPDATE v SET data = (SELECT data FROM v WHERE id = 31) WHERE id = 0", [VOICES[31], *VOICES[1:]]),
        ("CREATE VIEW w AS SELECT data FROM v", VOICES),
        ("CREATE TRIGGER t AFTER INSERT ON v BEGIN DELETE FROM v; END", VOICES),
        ("CREATE TABLE w AS SELECT data FROM v WHERE id < 4", VOICES + VOICES[:4]),
    ],
)
def test_the_rows_of_today_are_read(statement, voices):
    assert read_voices(database(rows(PACKED), after=[statement])) == voices


def test_banks_singles_and_unpacked_voices_are_each_a_dump():
    data = database([BANK, *SINGLES[:3], UNPACKED[5].tobytes() + b"\x3f"])
    assert sorted(read_voices(data)) == sorted([*VOICES, *VOICES[:3], VOICES[5]])
    formats = {dump.format for dump in read_dumps(data)}
    assert formats <= {Format.HEADERLESS_VMEM, Format.HEADERLESS_VCED, Format.HEADERLESS_VCED_156}


def test_a_voice_that_no_bytes_around_it_show_keeps_its_slot():
    records = np.concatenate([PACKED[:20], DOUBTFUL[:4], PACKED[20:28]])
    assert [dump.voices for dump in read_dumps(database(rows(records)))] == [32]


def test_a_database_with_a_write_ahead_log_is_read():
    data = bytearray(database(rows(PACKED)))
    data[18:20] = b"\2\2"
    assert read_voices(bytes(data)) == VOICES


def test_a_damaged_database_is_searched_like_any_file():
    data = database(rows(PACKED))
    assert len(read_voices(data[:-3000])) >= 5
    assert read_checked(data[:16] + bytes(84) + data[100:]).voices >= 30


def test_rows_without_voices_make_no_voices():
    random = np.random.default_rng(0)
    reading = read_checked(database([random.bytes(128) for _ in range(200)]))
    assert reading.voices == 0


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_changed_databases_are_covered(data):
    page = data.draw(st.sampled_from([512, 4096]))
    file = bytearray(database(rows(PACKED[:12]), page=page))
    for _ in range(data.draw(st.integers(1, 8))):
        file[data.draw(st.integers(16, len(file) - 1))] = data.draw(st.sampled_from([0, 1, 5, 13, 127, 255]))
    read_checked(bytes(file[: data.draw(st.integers(100, len(file)))]))
