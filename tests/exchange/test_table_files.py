"""Tables of voices: round trips, column aliases, and refused tables with location and reason."""

import json
import subprocess
import sys

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.names import names_to_text
from deepdx_core.exchange.column_aliases import ALIASES, match_columns
from deepdx_core.exchange.table_errors import TableError
from deepdx_core.exchange.table_files import TableFormat, read_table, write_table
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.support.paths import DEMO, ROOT
from tests.support.voices import legal_voices, random_voices

CSV, JSON, JSONL, PARQUET = TableFormat.CSV, TableFormat.JSON, TableFormat.JSON_LINES, TableFormat.PARQUET


def table(voices):
    parameters, names = voices
    return pl.DataFrame(parameters, schema=list(PARAMETER_NAMES)).with_columns(name=pl.Series(names_to_text(names)))


COLUMNS = ["name", *PARAMETER_NAMES]


@pytest.mark.parametrize("format_", TableFormat)
@settings(max_examples=25, deadline=None)
@given(legal_voices(most=5))
def test_tables_round_trip(format_, voices):
    rows = table(voices)
    found = read_table(write_table(rows, format_), format_, "here")
    assert found.select(COLUMNS).equals(rows.select(COLUMNS))
    assert found["path"].to_list() == ["here"] * len(rows)
    assert found["slot"].to_list() == list(range(1, len(rows) + 1))


def test_provenance_round_trips():
    rows = table(random_voices(2)).with_columns(
        path=pl.Series(["a", None]), member=pl.Series([None, "b"]), offset=pl.Series([5, None]), slot=pl.Series([7, 9])
    )
    for format_ in TableFormat:
        found = read_table(write_table(rows, format_), format_, "here")
        assert found.select("path", "member", "offset", "slot").rows() == [("a", None, 5, 7), ("here", "b", None, 9)]


def test_columns_are_matched_by_header():
    rows = table(random_voices(3))
    aliases = {"op1_eg_rate_1": "OP1 EG Rate 1", "op2_eg_level_4": "Op-2 L4", "pitch_eg_rate_2": "PEG.R2"}
    aliases |= {"name": "Patch Name", "op1_fine": "OP1 Freq Fine"}
    shuffled = rows.select(reversed(COLUMNS)).rename(aliases).with_columns(mood=pl.lit("blue"))
    for separator in ",;\t":
        data = b"\xef\xbb\xbf" + shuffled.write_csv(separator=separator).replace("\n", "\r\n").encode() + b"\r\n"
        assert read_table(data, CSV, "x").select(COLUMNS).equals(rows.select(COLUMNS))
    assert read_table(shuffled.write_ndjson().encode(), JSONL, "x").select(COLUMNS).equals(rows.select(COLUMNS))


def test_no_alias_means_two_parameters():
    for name in COLUMNS:
        assert match_columns([name, name.upper().replace("_", " "), name.replace("_", "-")]) == {name: [name]}
    assert set(ALIASES.values()) == set(COLUMNS)
    # An alias of one parameter is never an alias of another.
    assert ALIASES["op1r1"] == ALIASES["operator1egrate1"] == "op1_eg_rate_1"
    assert ALIASES["pr1"] == "pitch_eg_rate_1"
    assert match_columns(["level", "op7_coarse", "rate 1"]) == {}


def test_output_of_inspect_is_a_table():
    arguments = ["inspect", "--json", *(DEMO / "From the net" / f for f in ("bytes_over_127.syx", "nothing.syx"))]
    command = [sys.executable, "-m", "deepdx_pipeline.cli", *map(str, arguments)]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    found = read_table(lines, JSONL, "x")
    assert len(found) == 32
    unreadable = [json.loads(line)["slot"] for line in lines.splitlines()[:32] if b'"parameters": null' in line]
    assert found.filter(pl.col("algorithm").is_null())["slot"].to_list() == unreadable
    objects = [json.loads(line) for line in lines.splitlines()[:32]]
    assert read_table(json.dumps(objects).encode(), JSON, "x").equals(found)


ROWS = table(random_voices(3)).select(COLUMNS)


def changed(format_, row, column, value):
    objects = json.loads(write_table(ROWS, JSON))
    objects[row][column] = value
    if format_ is CSV:
        return "\n".join([",".join(COLUMNS), *(",".join(str(v) for v in o.values()) for o in objects)]).encode()
    # A blank line between the voices counts as a line.
    return (json.dumps(objects) if format_ is JSON else "\n\n".join(map(json.dumps, objects))).encode()


@pytest.mark.parametrize(("format_", "where"), [(CSV, "line 3"), (JSONL, "line 3"), (JSON, "object 2")])
@pytest.mark.parametrize(
    ("value", "shown"), [(40, "40"), (-1, "-1"), (1.5, "1.5"), ("loud", "'loud'"), ("", "empty"), ("\x1b[31m", "'")]
)
def test_a_bad_value_is_reported_with_its_location(format_, where, value, shown):
    with pytest.raises(TableError) as error:
        read_table(changed(format_, 1, "op1_coarse", value), format_, "voices")
    message = str(error.value)
    assert message.startswith(f"voices: {where}, column op1_coarse: ")
    assert shown in message
    assert message.endswith("it takes a whole number from 0 to 31")
    assert "\x1b" not in message


def test_line_numbers_count_quoted_line_breaks():
    data = changed(CSV, 2, "op1_coarse", 99).decode().replace(ROWS["name"][0], '"A\nB"').encode()
    with pytest.raises(TableError, match=r"^x: line 5, column op1_coarse: '99'"):
        read_table(data, CSV, "x")


@pytest.mark.parametrize(
    ("format_", "data", "message"),
    [
        (CSV, b"", "x: an empty file"),
        (CSV, b"name,op1_coarse\nA,1\n", "x: no column for op6_eg_rate_1, op6_eg_rate_2, op6_eg_rate_3 and 141 more"),
        (CSV, write_table(ROWS, CSV).replace(b"op1_fine", b"op1_coarse", 1), "x: column op1_coarse occurs twice"),
        (
            CSV,
            write_table(ROWS.with_columns(x=1), CSV) + b"1," * 200,
            "x: line 5: 201 fields, but the header names 146",
        ),
        (CSV, write_table(ROWS, CSV) + b"\xff" + b",1" * 145, r"x: byte \d+: not UTF-8"),
        (CSV, changed(CSV, 0, "name", "LONGER THAN A NAME"), "x: line 2, column name: longer than 10 characters"),
        (CSV, ROWS.drop("op1_fine").write_csv().encode(), "x: no column for op1_fine"),
        (JSONL, b'{"name": "A"}\n{"na', "x: line 2: not JSON: Unterminated string"),
        (JSONL, b'{"name": "A", "parameters": [1, 2]}', "x: line 1, column parameters: 2 values in place of 145"),
        (JSONL, changed(JSONL, 1, "op1_fine", {"a": 1}), "x: line 3, column op1_fine: an object in place"),
        (JSONL, changed(JSONL, 1, "op1_fine", True), "x: line 3, column op1_fine: true or false in place"),
        (JSON, b"[1, 2]", "x: object 1: not an object"),
        (JSON, b"[" * 100_000, "x: .*not JSON"),
        (PARQUET, b"PAR1", "x: "),
    ],
)
def test_tables_with_faults_are_refused_with_place_and_reason(format_, data, message):
    with pytest.raises(TableError, match=f"^{message}"):
        read_table(data, format_, "x")


def test_only_the_first_faults_are_listed():
    objects = [o | {"op1_coarse": 99, "op2_coarse": 99} for o in json.loads(write_table(ROWS, JSON))] * 3
    with pytest.raises(TableError) as error:
        read_table(json.dumps(objects).encode(), JSON, "x")
    assert str(error.value).splitlines()[5:] == ["x: 13 more faults"]


def test_two_columns_for_one_parameter_are_refused():
    rows = ROWS.rename({"op1_fine": "OP1 Fine"}).with_columns(pl.lit(1).alias("operator 1 fine"))
    with pytest.raises(TableError, match="columns OP1 Fine and operator 1 fine both mean op1_fine"):
        read_table(rows.write_csv().encode(), CSV, "x")


@settings(deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_random_bytes_raise_only_table_errors(data):
    for format_ in TableFormat:
        with pytest.raises(TableError):
            read_table(data, format_, "x")


@pytest.mark.parametrize(
    ("format_", "data"),
    [
        (JSONL, b"\n".join(b'{"a%d":1}' % number for number in range(80_000))),
        (JSON, b"[" + b",".join(b'{"a%d":1}' % number for number in range(80_000)) + b"]"),
        (CSV, b",".join(b"a%d" % number for number in range(100_000)) + b"\n1" * 1000),
        (PARQUET, write_table(table(random_voices(1)).select(pl.all().repeat_by(200_000).explode()), PARQUET)),
    ],
)
def test_a_table_of_too_many_values_is_refused_before_parsing(format_, data):
    assert len(data) < 2**21
    with pytest.raises(TableError, match="here: more than 25,000,000 values"):
        read_table(data, format_, "here")
