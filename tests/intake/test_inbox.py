"""The survey of an inbox, with a row for every path, and adding files to it."""

import os
import stat
import zipfile
import zlib

import polars as pl
import pytest

from deepdx_core.codec.writer import write_single
from deepdx_core.intake import limits
from deepdx_core.intake.inbox import add_to_inbox
from deepdx_core.intake.inbox_index import InboxIndex
from deepdx_core.intake.survey import EMPTY_SURVEY, Survey, is_unchanged, survey
from deepdx_core.tables.decoding import Dumps, RawFiles
from tests.support.archives import BANK, OTHER_BANK, make_zip
from tests.support.homes import DAMAGES, damage_file
from tests.support.paths import DEMO
from tests.support.voices import random_voices


def rows(found, *columns):
    return found.raw_files.select(columns).rows()


def put(home, **files):
    for name, data in files.items():
        (home.inbox / name.replace("__", ".")).write_bytes(data)


def test_every_path_and_member_has_a_row(home):
    put(home, a__syx=BANK, b__syx=b"just text", c__zip=make_zip(("x/1.syx", BANK), ("x/readme.txt", b"hello")))
    (home.inbox / "deep" / "er").mkdir(parents=True)
    (home.inbox / "deep" / "er" / "one.syx").write_bytes(write_single(*random_voices(1)))
    found = survey(home.inbox)
    assert rows(found, "path", "member", "status", "voices", "reason") == [
        ("a.syx", None, "voices", 32, None),
        ("b.syx", None, "no voices", 0, "text, not a dump"),
        ("c.zip", None, "archive", 0, None),
        ("c.zip", "x/1.syx", "voices", 32, None),
        ("c.zip", "x/readme.txt", "no voices", 0, "text, not a dump"),
        ("deep/er/one.syx", None, "voices", 1, None),
    ]
    RawFiles.validate(found.raw_files)
    Dumps.validate(found.dumps)
    # a.syx and its copy in the archive are one content.
    assert found.dumps["voices"].sum() == 33


def test_a_survey_depends_on_the_inbox_alone(home):
    put(home, a__syx=BANK, c__zip=make_zip(("1.syx", BANK), ("2.syx", OTHER_BANK)))
    first = survey(home.inbox)
    put(home, b__syx=OTHER_BANK, d__txt=b"text")
    (home.inbox / "a.syx").unlink()
    grown, cold = survey(home.inbox, first), survey(home.inbox)
    assert grown.raw_files.equals(cold.raw_files)
    assert grown.dumps.equals(cold.dumps)
    # Rows of deleted files are gone.
    (home.inbox / "c.zip").unlink()
    assert rows(survey(home.inbox, grown), "path") == [("b.syx",), ("d.txt",)]
    assert survey(home.inbox, grown).dumps["sha256"].n_unique() == 2


def test_known_contents_are_not_read_again(home, monkeypatch):
    put(home, a__syx=BANK, c__zip=make_zip(("1.syx", OTHER_BANK)))
    known = survey(home.inbox)
    monkeypatch.setattr("deepdx_core.intake.survey.read", lambda data: pytest.fail("read again"))
    monkeypatch.setattr("deepdx_core.intake.survey.read_archive", lambda data: pytest.fail("unpacked again"))
    assert survey(home.inbox, known).dumps.equals(known.dumps)


def test_an_interrupted_survey_loses_nothing(home):
    put(home, a__syx=BANK, c__zip=make_zip(("1.syx", OTHER_BANK)))
    whole = survey(home.inbox)
    # The table of files was written, but not yet the table of dumps.
    interrupted = Survey(whole.raw_files, EMPTY_SURVEY.dumps)
    assert survey(home.inbox, interrupted).dumps.equals(whole.dumps)


def test_refused_members_do_not_stop_the_others(home):
    link = zipfile.ZipInfo("link.syx")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    put(
        home,
        evil__zip=make_zip(
            ("../../outside.syx", BANK),
            ("/absolute.syx", BANK),
            ("C:\\windows.syx", BANK),
            (link, b"/etc/passwd"),
            ("\x1b[31mred.syx", OTHER_BANK),
            ("good.syx", BANK),
        ),
    )
    found = {
        member: (status, reason) for member, status, reason in rows(survey(home.inbox), "member", "status", "reason")
    }
    outside = ("refused", "its path leads out of the archive")
    assert found == {
        None: ("archive", None),
        "../../outside.syx": outside,
        "/absolute.syx": outside,
        "C:/windows.syx": outside,
        "link.syx": ("refused", "symbolic link, not followed"),
        "\\x1b[31mred.syx": ("voices", None),
        "good.syx": ("voices", None),
    }
    assert not (home.root / "outside.syx").exists()


def test_a_bomb_is_refused_and_other_members_are_read(home, monkeypatch):
    monkeypatch.setattr(limits, "MAX_FILE", 2**20)
    monkeypatch.setattr(limits, "MAX_ARCHIVE", 3 * 2**20)
    bomb = b"\0" * 2**22
    put(home, bomb__zip=make_zip(("bomb.bin", bomb), ("good.syx", BANK)))
    found = dict(rows(survey(home.inbox), "member", "reason"))
    assert found == {None: None, "bomb.bin": "unpacks to more than 1 MiB", "good.syx": None}
    many = make_zip(*((f"{n:02}.bin", bytes([n]) * 2**20) for n in range(5)))
    put(home, bomb__zip=many)
    refused = [m for m, r in rows(survey(home.inbox), "member", "reason") if r and "more than 3 MiB" in r]
    assert refused == ["03.bin", "04.bin"]


def test_a_bomb_with_a_wrong_size_in_its_header_is_refused(home):
    honest = bytearray(make_zip(("bomb.bin", b"\0" * 2**20)))
    # State an unpacked size of 16 bytes in both headers.
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = honest.find(signature) + place
        honest[at : at + 4] = (16).to_bytes(4, "little")
    put(home, liar__zip=bytes(honest))
    (reason,) = (r for m, r in rows(survey(home.inbox), "member", "reason") if m == "bomb.bin")
    assert reason.startswith("damaged in the archive")


def test_archives_within_archives_are_read_up_to_a_depth(home):
    nested = make_zip(("bank.syx", BANK))
    for depth in range(4):
        nested = make_zip((f"{depth}.zip", nested), (f"{depth}.syx", BANK))
    put(home, nest__zip=nested)
    found = {m: (s, r) for m, s, r in rows(survey(home.inbox), "member", "status", "reason")}
    assert found["3.syx"] == ("voices", None)
    assert found["3.zip/2.zip/1.syx"] == ("voices", None)
    assert found["3.zip/2.zip/1.zip/*"] == ("refused", "archives nested more than 3 deep")


@pytest.mark.parametrize("keep", [30, 500, 4200])
def test_a_damaged_archive_is_refused_with_a_reason(home, keep):
    put(home, cut__zip=make_zip(("1.syx", BANK), ("2.syx", OTHER_BANK))[:keep], good__syx=BANK)
    found = {(p, m): r for p, m, r in rows(survey(home.inbox), "path", "member", "reason")}
    assert found["cut.zip", "*"].startswith("damaged zip archive")
    assert found["good.syx", None] is None


def test_a_path_that_occurs_twice_in_an_archive_has_two_rows(home):
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = make_zip(("a.syx", BANK), ("a.syx", OTHER_BANK), ("a.syx (2)", BANK))
    put(home, twice__zip=data)
    found = survey(home.inbox)
    RawFiles.validate(found.raw_files)
    assert len(found.raw_files) == 4


def test_a_damaged_member_does_not_stop_the_others(home):
    data = bytearray(make_zip(("1.syx", BANK), ("2.syx", OTHER_BANK)))
    data[60:64] = b"\xff\xff\xff\xff"
    put(home, bad__zip=bytes(data))
    found = dict(rows(survey(home.inbox), "member", "reason"))
    assert found["1.syx"].startswith("damaged in the archive")
    assert found["2.syx"] is None


def test_paths_that_are_not_files_are_refused(home):
    put(home, good__syx=BANK)
    (home.inbox / "link.syx").symlink_to("/etc/passwd")
    os.mkfifo(home.inbox / "pipe.syx")
    (home.inbox / os.fsdecode(b"odd\xff\n.syx")).symlink_to("nowhere")
    found = dict(rows(survey(home.inbox), "path", "reason"))
    assert found == {
        "good.syx": None,
        "link.syx": "symbolic link, not followed",
        "pipe.syx": "not a regular file",
        "odd\\udcff\\n.syx": "symbolic link, not followed",
    }


def test_an_unreadable_file_is_refused_and_the_others_are_read(home, monkeypatch):
    put(home, good__syx=BANK, secret__syx=OTHER_BANK)
    really_open = os.open

    def denied(path, *args, **kwargs):
        # Permissions do not bind the superuser, who may run the tests.
        if os.fspath(path).endswith("secret.syx"):
            raise PermissionError(13, "Permission denied")
        return really_open(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", denied)
    found = {p: (s, r) for p, s, r in rows(survey(home.inbox), "path", "status", "reason")}
    assert found["secret.syx"] == ("refused", "cannot be read: Permission denied")
    assert found["good.syx"] == ("voices", None)


def test_adding_never_overwrites(home, tmp_path):
    mine, yours = tmp_path / "mine", tmp_path / "yours"
    for folder, data in ((mine, BANK), (yours, OTHER_BANK)):
        folder.mkdir()
        (folder / "bank.syx").write_bytes(data)
    first = list(add_to_inbox([mine / "bank.syx", mine], home.inbox, home.staging))
    assert [a.target.relative_to(home.inbox).as_posix() for a in first] == ["bank.syx"] * 2
    assert [(a.new, a.duplicate) for a in first] == [(True, False), (False, True)]
    again = list(add_to_inbox([mine / "bank.syx", yours / "bank.syx", yours / "bank.syx"], home.inbox, home.staging))
    assert [(a.target.name, a.new) for a in again] == [
        ("bank.syx", False),
        ("bank (2).syx", True),
        ("bank (2).syx", False),
    ]
    assert (home.inbox / "bank.syx").read_bytes() == BANK


def test_adding_paths_without_files_gives_the_reasons(home, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "good.syx").write_bytes(BANK)
    outcomes = list(
        add_to_inbox(
            [tmp_path / "no.syx", tmp_path / "empty", tmp_path / "good.syx", tmp_path], home.inbox, home.staging
        )
    )
    assert [a.refused for a in outcomes] == [
        "cannot be read: No such file or directory",
        "empty folder",
        "",
        "the inbox is inside it",
    ]
    assert zlib.crc32((home.inbox / "good.syx").read_bytes()) == zlib.crc32(BANK)


def test_the_demo_corpus_has_no_refused_file():
    found = survey(DEMO)
    assert found.raw_files.filter(pl.col("status") == "refused").is_empty()
    assert found.raw_files.filter(pl.col("status") == "voices").height >= 60


@pytest.fixture
def reads(monkeypatch):
    """The paths that surveys read, in order. Files may have changed a moment ago."""
    from deepdx_core.intake import inbox_index
    from deepdx_core.intake import survey as module

    found, read = [], module.read_file
    monkeypatch.setattr(module, "read_file", lambda path: (found.append(path.name), read(path))[1])
    monkeypatch.setattr(inbox_index, "RACY_NS", -(10**18))
    return found


def survey_again(home, previous, reads):
    """Survey an inbox, and return the survey and the names of the files that were read."""
    reads.clear()
    found = survey(home.inbox, previous)
    fresh_reads = list(reads)
    fresh = survey(home.inbox)
    assert found.raw_files.equals(fresh.raw_files)
    assert found.dumps.equals(fresh.dumps)
    return found, fresh_reads


def test_files_of_the_same_status_are_not_read_again(home, reads):
    put(home, a__syx=BANK, b__syx=b"just text", c__zip=make_zip(("1.syx", BANK), ("2.syx", OTHER_BANK)))
    first, read = survey_again(home, EMPTY_SURVEY, reads)
    assert read == ["a.syx", "b.syx", "c.zip"]
    assert is_unchanged(home.inbox, first.index)
    assert survey_again(home, first, reads)[1] == []
    put(home, d__syx=OTHER_BANK)
    assert not is_unchanged(home.inbox, first.index)
    grown, read = survey_again(home, first, reads)
    assert read == ["d.syx"]
    (home.inbox / "a.syx").unlink()
    assert not is_unchanged(home.inbox, grown.index)
    assert survey_again(home, grown, reads)[1] == []


def other_size(path, status):
    path.write_bytes(BANK + b"x")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def other_time(path, status):
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def other_inode(path, status):
    path.with_name("other").write_bytes(OTHER_BANK)
    path.with_name("other").replace(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def rewritten(path, status):
    path.write_bytes(OTHER_BANK)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", [other_size, other_time, other_inode, rewritten])
def test_a_file_of_another_status_is_read_again(home, reads, change):
    put(home, a__syx=BANK, b__syx=OTHER_BANK)
    first = survey(home.inbox)
    path = home.inbox / "a.syx"
    before = path.stat()
    change(path, before)
    assert path.stat().st_mtime_ns == before.st_mtime_ns or change is other_time
    assert survey_again(home, first, reads)[1] == ["a.syx"]


def test_a_file_that_changed_about_when_it_was_read_is_read_again(home, reads, monkeypatch):
    monkeypatch.undo()
    put(home, a__syx=BANK)
    os.utime(home.inbox / "a.syx", (1, 1))
    assert survey(home.inbox).index.entries == {}  # its status changed a moment ago, whatever its time says


def test_without_an_index_every_file_is_read(home, reads):
    put(home, a__syx=BANK)
    first = survey(home.inbox)
    assert survey_again(home, Survey(first.raw_files, first.dumps), reads)[1] == ["a.syx"]


def test_an_index_is_stored_and_a_damaged_one_is_empty(home, tmp_path, reads):
    put(home, a__syx=BANK)
    (home.inbox / os.fsdecode(b"\xff.syx")).write_bytes(OTHER_BANK)
    index = survey(home.inbox).index
    assert len(index.entries) == 2
    index.write(tmp_path / "index.parquet")
    assert InboxIndex.read(tmp_path / "index.parquet") == index
    assert InboxIndex.read(tmp_path / "none.parquet") == InboxIndex()
    for how in DAMAGES:
        index.write(tmp_path / how)
        damage_file(tmp_path / how, how)
        assert InboxIndex.read(tmp_path / how) in (InboxIndex(), index)
