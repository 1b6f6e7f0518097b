"""Invalid files of the user are refused with name, place and reason before anything runs; errors are one message."""

import errno
import os
import re
import socket
import subprocess
import sys
import time
from importlib import resources
from itertools import pairwise
from traceback import TracebackException

import dagster as dg
import polars as pl
import pytest
from dagster_shared.error import SerializableErrorInfo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepdx_core.configuration import check_configuration
from deepdx_core.dedup.exact import unique_sounds
from deepdx_core.dedup.families import find_families
from deepdx_core.errors import DeepDXError
from deepdx_core.home import Home
from deepdx_core.judges.store import package_judge
from deepdx_core.quality.measures import measure_sounds
from deepdx_core.quality.rules import RulesError, load_rules
from deepdx_core.sound.audio_features import summarize_by_sound
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.tables.curation import Families, UniqueVoices
from deepdx_core.tables.decoding import DecodedVoices
from deepdx_pipeline.cli.app import main
from deepdx_pipeline.cli.errors import error_message, step_error_message
from tests.support.paths import ROOT
from tests.support.voices import decoded_dump, two_carriers

FILES = ("rules", "taxonomy", "verdicts", "labels")
RULE = "[rule.mine]\nverdict = 'note'\nreason = 'r'\n"
TAXONOMY = (resources.files("deepdx_core.labels") / "taxonomy.toml").read_text(encoding="utf-8")
RULES = (resources.files("deepdx_core.quality") / "rules.toml").read_text(encoding="utf-8")


def deepdx(monkeypatch, capsys, *arguments):
    """Run the command in this process. Return its exit code and stderr."""
    monkeypatch.setattr(sys, "argv", ["deepdx", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capsys.readouterr().err


def refused(home, monkeypatch, capsys):
    """Return the one line that `deepdx run` prints when it refuses to start."""
    began = time.monotonic()
    code, message = deepdx(monkeypatch, capsys, "run")
    assert time.monotonic() - began < 10
    assert code == 1
    assert message.startswith("deepdx: ")
    assert message.count("\n") == 1
    assert message[:-1].isprintable()
    assert len(message) < 2000
    assert not home.dagster.exists()
    assert not home.tables.exists()
    return message


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def too_large(path):
    put(path, b"")
    os.truncate(path, 1 << 30)


def closed(path):
    put(path, b"")
    path.chmod(0)


def listening(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


NO_TEXT_FILES = {
    "not UTF-8": lambda path: put(path, b"# caf\xe9\n"),
    "larger than": too_large,
    "a folder, not a file": lambda path: path.mkdir(parents=True),
    "not a regular file": lambda path: (path.parent.mkdir(exist_ok=True), os.mkfifo(path)),
    "not a regular": listening,
    "a link to a missing file": lambda path: (path.parent.mkdir(exist_ok=True), path.symlink_to("nowhere")),
    "Too many levels": lambda path: (path.parent.mkdir(exist_ok=True), path.symlink_to(path.name)),
    "Input/output error": lambda path: (path.parent.mkdir(exist_ok=True), path.symlink_to("/proc/self/mem")),
    "Permission denied": pytest.param(closed, marks=pytest.mark.skipif(os.geteuid() == 0, reason="root reads all")),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("reason", "make"),
    [
        pytest.param(reason, *make.values, marks=make.marks) if hasattr(make, "values") else (reason, make)
        for reason, make in NO_TEXT_FILES.items()
    ],
)
def test_a_path_that_is_not_a_text_file_is_refused_by_name(home, monkeypatch, capsys, name, reason, make):
    path = getattr(home, name)
    make(path)
    message = refused(home, monkeypatch, capsys)
    assert str(path) in message
    assert reason in message


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("rules", "[rule.mine\n", "(at line 1, column 11)"),
        ("rules", "x = " + "[" * 100_000, "line 1: nested over 16 deep"),
        ("rules", "\n\nx = " + "{a=" * 100_000, "line 3: nested over 16 deep"),
        ("rules", "a." * 100_000 + "b = 1", "line 1: nested over 16 deep"),
        ("rules", '"a\\u001b[2J" = 1', "a\\x1b[2J: a key must have"),
        ("rules", '[rule.""]', "rule.: a key must have"),
        ("rules", f"[rule.{'x' * 500_000}]\n" * 2, "Cannot declare ('rule', 'xxx"),
        ("rules", "x = " + "9" * 5000, "Exceeds the limit"),
        ("rules", "[repair]\nmargin = 0x" + "f" * 5000, "repair.margin: must be at most 145, not a number of"),
        ("rules", "[repair]\nmargin = [1]", "repair.margin: must be a whole number, not a list"),
        ("rules", "rule = []", "rule: must be a table, not a list"),
        ("rules", "[rule]\nmine = 3", "rule.mine: must be a table, not 3"),
        ("rules", RULE, "rule.mine.when: is missing"),
        ("rules", RULE + "when = 7", "rule.mine.when: must be a text, not 7"),
        ("rules", RULE + "when = 'nosuch > 3'", "rule.mine.when: 'nosuch > 3' cannot be evaluated: unable to find"),
        ("rules", RULE + "when = 'slots'", "rule.mine.when: 'slots' cannot be evaluated: filter predicate must be"),
        ("rules", RULE + "when = 'slots > 3 AND repair > 3'", "rule.mine.when: "),
        ("rules", RULE + "when = 'lower(slots) = 1'", "rule.mine.when: "),
        ("rules", RULE + "when = 'cast(sound_id as int) = 1'", "rule.mine.when: 'cast(sound_id as int) = 1' cannot be"),
        ("rules", RULE + "when = 'cast(algorithm as decimal(1,1)) > 0'", "rule.mine.when: 'cast(algorithm as decimal"),
        ("rules", RULE + 'when = "strptime(sound_id, \'%Y\') is null"', "rule.mine.when: \"strptime(sound_id, '%Y')"),
        ("rules", RULE + "when = 'cast(files as tinyint) > 1'", "rule.mine.when: 'cast(files as tinyint) > 1' cannot"),
        ("rules", RULE + "when = 'cast(heard_peak_db - 200 as tinyint) > 1'", "rule.mine.when: 'cast(heard_peak_db"),
        ("rules", RULE + "when = 'cast(corruption_score as smallint unsigned) > 1'", "rule.mine.when: 'cast(corrup"),
        (
            "rules",
            RULE + "when = 'cast(value + 200 as tinyint) > 1'\neach = 'parameter'",
            "rule.mine.when: 'cast(value + 200",
        ),
        ("rules", RULE + "when = 'nosuch(slots)'", "rule.mine.when: unsupported function 'nosuch'"),
        ("rules", RULE + "when = '*'", "rule.mine.when: "),
        ("rules", RULE + "when = '\"\u001b\" = 1'", "(at line 4, column "),
        ("rules", RULE + 'when = "\\"\\u001b\\" = 1"', "rule.mine.when: "),
        ("rules", RULE + f"when = '{'slots > 1 AND ' * 20_000} true'", "rule.mine.when: is longer than 1,000"),
        ("rules", RULE + f"when = '{'(' * 200}true{')' * 200}'", "rule.mine.when: has brackets more than 20 deep"),
        ("rules", RULE + f"when = '{'CAST(' * 70}1{' AS INT)' * 70} = 1'", "rule.mine.when: has brackets more"),
        ("rules", RULE + "when = 'true'\nshows = 'repair'", "rule.mine.shows: 'repair' is not a column of numbers"),
        ("rules", RULE + "when = 'true'\nshows = '*'", "rule.mine.shows: '*' is not a column of numbers"),
        ("rules", RULE + "each = 'slot'", "rule.mine.each: 'slot' is reserved for rules of the package"),
        ("rules", "[rule.out-of-range]\nenabled = false", "rule.out-of-range: cannot be changed"),
        ("rules", "[rule.repairable]\nverdict = 'note'", "rule.repairable: cannot be changed"),
        ("taxonomy", TAXONOMY + "\n[[phrase", "(at end of document)"),
        ("taxonomy", "x = " + "[" * 100_000, "line 1: nested over 16 deep"),
        ("taxonomy", "", "labels: is missing"),
        ("taxonomy", TAXONOMY.replace("[category.other]", "[category.misc]"), "category: there must be one named"),
        (
            "taxonomy",
            TAXONOMY.replace("[category.other]\n", '[category.other]\nwords = ["MISC"]\n'),
            "category.other.words: no word can indicate 'other'",
        ),
        ("taxonomy", TAXONOMY.replace("names = 150", "names = '150'"), "weight.names: must be a whole number, not "),
        ("verdicts", "", "the first line must be sound_id,verdict,why"),
        ("verdicts", "sound_id,verdict,why\nabc,valid,\n", "line 2: 'abc' is not a sound_id"),
        ("verdicts", f"sound_id,verdict,why\n{'0' * 20},\x1b[31mgood,\n", r"line 2: '\x1b[31mgood' is not one of"),
        ("verdicts", f"sound_id,verdict,why\n{'0' * 20},valid,{'x' * 200_000}\n", "line 2: field larger than"),
        ("verdicts", f'sound_id,verdict,why\n{"0" * 20},valid,"x\n', "line 2: unexpected end of data"),
        ("verdicts", b"sound_id,verdict,why\n\n\xff", "line 3: not UTF-8"),
        ("verdicts", f"sound_id,verdict,why\n{'0' * 20},valid,a\0b\n", "line 2: a NUL byte"),
        ("labels", f"sound_id,category,why\n{'0' * 20},bell,\n{'1' * 20},pad,\0\n", "line 3: a NUL byte"),
        ("rules", RULE + "# \0", "line 4: a NUL byte"),
        ("labels", f"sound_id,category,why\n{'0' * 20},nosuch,\n", "line 2: 'nosuch' is not one of electric-piano"),
        ("labels", f"sound_id,category,why\n{'0' * 20},bell,\n{'0' * 20},pad,\n", "line 3: 0000"),
    ],
)  # fmt: skip
def test_an_invalid_file_is_refused_by_name_with_place_and_reason(home, monkeypatch, capsys, name, content, expected):
    path = getattr(home, name)
    put(path, content)
    message = refused(home, monkeypatch, capsys)
    assert message.startswith(f"deepdx: {path}: ")
    assert expected in message


def test_valid_files_are_accepted(home):
    check_configuration(home)  # none of the files exists
    put(
        home.rules,
        b"\xef\xbb\xbf" + RULE.encode() + b"when = 'slots > 3 AND heard_peak_db < -20'\r\nshows = 'slots'\r\n",
    )
    put(home.taxonomy, TAXONOMY)
    put(home.verdicts, f"sound_id,verdict,why\r\n{'0' * 20},valid,\r\n")  # of a sound that may come back
    put(home.labels, f'sound_id,category,why\n\n{"0" * 20},bell,"two\nlines"\n')
    check_configuration(home)


def test_rules_are_checked_in_under_a_second(home):
    put(home.rules, RULE + "when = 'cast(substr(sound_id, 1, 0) || algorithm as int) > 30 AND heard_peak_db < 0'")
    check_configuration(home)
    began = time.process_time()
    check_configuration(home)
    assert time.process_time() - began < 1


def test_rules_for_sounds_have_no_columns_of_parameters_out_of_range(home):
    kinds = "[rule.a]\nverdict = 'note'\nreason = 'r'\nwhen = 'value > maximum OR excess > 1'\neach = 'parameter'\n"
    put(home.rules, kinds)
    check_configuration(home)
    put(home.rules, kinds.replace("each = 'parameter'", ""))
    with pytest.raises(RulesError, match=r"rule\.a\.when: .*value"):
        check_configuration(home)


def require_accepted_or_refused(home, path):
    """Assert that the file is accepted, or refused with a printable message that names it; then remove it."""
    try:
        check_configuration(home)
    except DeepDXError as error:
        assert str(path) in str(error)
        assert str(error).isprintable()
    finally:
        path.unlink()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(FILES), st.binary(max_size=300))
def test_any_content_is_accepted_or_refused(tmp_path, name, content):
    home = Home(tmp_path)
    path = getattr(home, name)
    put(path, content)
    require_accepted_or_refused(home, path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["rules", "taxonomy"]), st.data())
def test_any_change_of_a_valid_file_is_accepted_or_refused(tmp_path, name, data):
    text = RULES.replace("[rule.byte-over-127]", "[rule.b]") if name == "rules" else TAXONOMY
    home = Home(tmp_path)
    path = getattr(home, name)
    begin = data.draw(st.integers(0, len(text)))
    end = begin + data.draw(st.integers(0, 20))
    put(path, text[:begin] + data.draw(st.text(max_size=8)) + text[end:])
    require_accepted_or_refused(home, path)


def raised(*errors):
    """A chain of errors, each raised from the next, as Dagster reports it."""
    for error, cause in pairwise(errors):
        error.__cause__ = cause
    return SerializableErrorInfo.from_traceback(TracebackException.from_exception(errors[0]))


class DagsterExecutionStepExecutionError(Exception):
    """Has the name of the class of Dagster, which is recognized by its name."""


def test_the_cause_of_a_failed_step_is_the_error_that_names_the_file(home):
    wrapped = DagsterExecutionStepExecutionError("Error occurred while executing op")
    message = step_error_message(raised(wrapped, RulesError("rules.toml: rule.x: \x1b[2J wrong"), KeyError("x")))
    assert message == "rules.toml: rule.x: \\x1b[2J wrong"
    assert step_error_message(raised(wrapped, KeyError("x"))) == "KeyError: 'x'"
    assert step_error_message(raised(wrapped, dg.Failure("no train voices"), ValueError("x"))) == "no train voices"
    full = f"no space left on the disk that holds {home.root}; nothing is lost, run again once there is room"
    for cause in (
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded", "x"),
        pl.exceptions.ComputeError("No space left on device (os error 28)"),
    ):
        assert step_error_message(raised(wrapped, RuntimeError("cannot write"), cause)) == full
        assert error_message(cause) == full


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/\x1b[2J\udcff"), "/\\x1b[2J\\udcff: Permission denied"),
        (OSError(errno.EXDEV, "Invalid cross-device link", b"/a/\xff", None, "/b"), "/a/\\udcff to /b: Invalid"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error (home folder "),
        (OSError("zlib says no"), "zlib says no (home folder "),
        (RecursionError("maximum recursion depth exceeded"), "the input is nested too deeply"),
        (MemoryError(), "not enough memory"),
        (UnicodeEncodeError("utf-8", "a\udcff", 1, 2, "surrogates not allowed"), "'a\\udcff': not UTF-8"),
        (DeepDXError("one\nand \x1b[2J two"), "one\nand \\x1b[2J two"),
    ],
)  # fmt: skip
def test_a_system_error_is_one_message_that_names_the_path(home, monkeypatch, capsys, error, expected):
    def fail():
        raise error

    monkeypatch.setattr("deepdx_pipeline.cli.app.app", fail)
    code, message = deepdx(monkeypatch, capsys)
    assert code == 1
    assert message.startswith(f"deepdx: {expected}")
    assert "Traceback" not in message


def test_an_error_in_the_program_is_not_hidden(monkeypatch):
    def fail():
        raise KeyError("x")

    monkeypatch.setattr("deepdx_pipeline.cli.app.app", fail)
    with pytest.raises(KeyError):
        main()


def test_an_impossible_home_is_refused(monkeypatch, capsys, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    for named, expected in ((tmp_path / "loop" / "x", "Symlink loop"), ("~no such user/x", "home directory")):
        monkeypatch.setenv("DEEPDX_HOME", str(named))
        code, message = deepdx(monkeypatch, capsys, "run")
        assert code == 1
        assert message.startswith(f"deepdx: DEEPDX_HOME is {named}: ")
        assert expected in message


FAIL = """
import errno, sys
from deepdx_core.quality.rules import RulesError
from deepdx_core.tables.storage import Tables
write = Tables.write
def fail(self, table, *rows, **options):
    if table == "decoded_voices":
        {how}
    return write(self, table, *rows, **options)
Tables.write = fail
from deepdx_pipeline.cli.app import main
sys.argv = ["deepdx", "run", "--without", "training"]
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("raise OSError(errno.ENOSPC, 'No space left on device')", "no space left on the disk that holds {root}"),
        ("raise RulesError('rules.toml: line 3: wrong') from KeyError('x')", "rules.toml: line 3: wrong"),
    ],
)
def test_a_failed_run_reports_one_cause(home, how, cause):
    ran = subprocess.run(
        [sys.executable, "-c", FAIL.format(how=how)], capture_output=True, text=True, timeout=120, check=False, cwd=ROOT
    )
    assert ran.returncode == 1
    lines = ran.stderr.splitlines()
    assert lines[-1].startswith("The run failed; no existing data was lost.")
    (failure,) = (line for line in lines[:-1] if not re.match(r"\w+ +\d+ rows +\d", line))
    assert failure.startswith(f"decoded_voices failed: {cause.format(root=home.root)}")


def test_measures_have_the_same_columns_with_and_without_sounds():
    repair = load_rules().repair
    voices = decoded_dump(two_carriers()[None])
    sounds = unique_sounds(voices, repair)
    families = find_families(sounds.filter("in_range")).select("sound_id", "family_id", "family_size")
    audio, judge = summarize_by_sound(AudioFeatures.create_empty()), package_judge("corruption")
    slots = voices.select("sha256", "offset", "slot", "sound_id")
    some = measure_sounds(sounds, slots, families, audio, judge, repair)
    none = measure_sounds(
        UniqueVoices.create_empty(),
        DecodedVoices.create_empty().select(slots.columns),
        Families.create_empty().select(families.columns),
        audio,
        judge,
        repair,
    )
    assert none.schema == some.schema
