"""Hostile and damaged files in an inbox: each gets a row with a reason, and none does harm."""

import gzip
import io
import os
import random
import signal
import socket
import stat
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from deepdx_core.codec import reader, splitting
from deepdx_core.codec.headerless import HEADERLESS_FORMATS, find_runs
from deepdx_core.codec.writer import write_singles
from deepdx_core.exchange.inspection import inspect_files
from deepdx_core.files import STAGING
from deepdx_core.intake import limits
from deepdx_core.intake.contents import RefusedError
from deepdx_core.intake.inbox import add_to_inbox
from deepdx_core.intake.local_files import find_files, read_file
from deepdx_core.intake.survey import InboxError, survey
from deepdx_core.tables.decoding import Dumps, RawFiles
from tests.support.archives import BANK, OTHER_BANK, make_tar, make_zip, read_members
from tests.support.paths import DEMO, ROOT
from tests.support.voices import random_voices

GOOD = (DEMO / "Keys" / "EPIANOS1.syx").read_bytes()


def rows_of(inbox):
    found = survey(inbox)
    RawFiles.validate(found.raw_files)
    Dumps.validate(found.dumps)
    columns = ("path", "member", "status", "voices", "reason")
    return {(path, member): rest for path, member, *rest in found.raw_files.select(columns).iter_rows()}


def make_zip_of_overlapping_members(count=60_000, claimed=60 * 2**20):
    """Build a zip archive whose members share the same bytes, each unpacking to `claimed` bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(bytes(claimed)) + packer.flush()
    crc = zlib.crc32(bytes(claimed))
    head = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 0, crc, len(packed), claimed, 5, 0)
    head += b"%05d" % (count - 1)
    entries = b"".join(
        struct.pack(
            "<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, 0, 0, 8, 0, 0, crc, len(packed), claimed, 5, 0, 0, 0, 0, 0, 0
        )
        + b"%05d" % number
        for number in range(count)
    )
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entries), len(head) + len(packed), 0)
    return head + packed + entries + end


def make_zip_with_invalid_utf8():
    data = bytearray(make_zip(("xx.syx", GOOD), ("other.syx", OTHER_BANK)))
    for signature, flags, name in ((b"PK\x03\x04", 7, 30), (b"PK\x01\x02", 9, 46)):
        at = data.find(signature)
        data[at + flags] |= 8
        data[at + name : at + name + 2] = b"\xff\xfe"
    return bytes(data)


def make_tar_of_folders(count):
    buffer = io.BytesIO()
    with tarfile.TarFile(fileobj=buffer, mode="w") as archive:
        for number in range(count):
            info = tarfile.TarInfo(f"folder {number}")
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
    return buffer.getvalue()


def make_tar_with_header_of(size):
    info = tarfile.TarInfo("a.syx")
    info.pax_headers = {"comment": "x" * size}
    info.size = len(BANK)
    return make_tar((info, BANK))


def test_every_hostile_file_has_its_row_and_a_good_bank_is_read(home, monkeypatch):
    inbox = home.inbox
    (inbox / "good.syx").write_bytes(GOOD)
    odd = {
        "escape\x1b[2J.syx": "escape\\x1b[2J.syx",
        "line\nend.syx": "line\\nend.syx",
        "right to left \u202exys.txt": "right to left \\u202exys.txt",
        os.fsdecode(b"latin \xe9.syx"): "latin \\udce9.syx",
        "back\\slash.syx": "back\\\\slash.syx",
        " ": " ",
        ".deepdx-a file.part": ".deepdx-a file.part",
    }
    for name in odd:
        (inbox / name).write_bytes(b"some words")
    expected = dict.fromkeys(odd.values(), ("no voices", "text, not a dump"))

    os.mkfifo(inbox / "fifo.syx")
    endpoint = socket.socket(socket.AF_UNIX)
    with monkeypatch.context() as here:
        here.chdir(inbox)  # a socket's address is short
        endpoint.bind("socket.syx")
    for name in ("fifo.syx", "socket.syx"):
        expected[name] = ("refused", "not a regular file")
    try:
        os.mknod(inbox / "null.syx", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        expected["null.syx"] = ("refused", "not a regular file")
    except PermissionError:
        pass
    (inbox / "loop").symlink_to("loop")
    (inbox / "up").symlink_to("..")
    (inbox / "zero").symlink_to("/dev/zero")
    for name in ("loop", "up", "zero"):
        expected[name] = ("refused", "symbolic link, not followed")

    archives = {
        "overlap.zip": make_zip_of_overlapping_members(2000, 2**20),
        "nameless.zip": make_zip((zipfile.ZipInfo(""), GOOD)),
        "header.tar": make_tar_with_header_of(2**21),
        "folders.tar": make_tar_of_folders(10),
        "broken.gz": gzip.compress(GOOD)[:100],
        "cut.zip": make_zip(("a.syx", GOOD))[:200],
    }
    for name, data in archives.items():
        (inbox / name).write_bytes(data)
    deep = make_deep(inbox / "deep")
    rows = rows_of(inbox)
    os.close(deep)
    endpoint.close()
    assert rows["good.syx", None] == ["voices", 32, None]
    for shown, (status, reason) in expected.items():
        assert rows[shown, None] == [status, 0, reason], shown
    (too_deep,) = ((path, row) for (path, member), row in rows.items() if path.startswith("deep/"))
    assert too_deep[1] == ["refused", 0, "cannot be read: File name too long"]
    assert rows["nameless.zip", "(no name)"] == ["voices", 32, None]
    assert rows["header.tar", "*"][2] == "damaged tar archive: headers of too many bytes"
    assert rows["broken.gz", "*"][0] == rows["cut.zip", "*"][0] == "refused"
    overlapping = [row for (path, member), row in rows.items() if path == "overlap.zip" and member]
    assert len(overlapping) == 2000
    assert sum(row[2] == "shares its bytes with another member" for row in overlapping) == 1999
    assert {path for path, member in rows} == {"good.syx", too_deep[0], *expected, *archives}


def make_deep(folder):
    """Nest folders until the path is too long for a system call, with a bank in the innermost; return that, opened."""
    folder.mkdir()
    at = os.open(folder, os.O_RDONLY)
    for _ in range(22):
        os.mkdir("d" * 200, dir_fd=at)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    with os.fdopen(os.open("bank.syx", os.O_CREAT | os.O_WRONLY, dir_fd=at), "wb") as file:
        file.write(GOOD)
    return at


def deny_listing(monkeypatch, *names):
    """Deny listing folders of these names: permissions do not bind the superuser, who may run the tests."""
    really = os.scandir

    def scandir(path):
        if Path(path).name in names:
            raise PermissionError(13, "Permission denied", path)
        return really(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_an_unlistable_folder_is_a_row_and_the_rest_is_read(home, tmp_path, monkeypatch):
    for folder in (home.inbox / "shut", tmp_path / "new" / "shut"):
        folder.mkdir(parents=True)
        (folder / "a.syx").write_bytes(BANK)
        (folder.parent / "b.syx").write_bytes(GOOD)
    deny_listing(monkeypatch, "shut")
    denied = "cannot be read: Permission denied"
    assert rows_of(home.inbox) == {("shut", None): ["refused", 0, denied], ("b.syx", None): ["voices", 32, None]}
    outcomes = list(add_to_inbox([tmp_path / "new"], home.inbox, home.staging))
    assert [(a.source.name, a.refused) for a in outcomes] == [("b.syx", ""), ("shut", denied)]


def test_an_unlistable_inbox_is_an_error(home, monkeypatch):
    deny_listing(monkeypatch, home.inbox.name)
    with pytest.raises(InboxError, match="inbox: cannot be read: Permission denied"):
        survey(home.inbox)


def test_a_file_replaced_by_a_fifo_or_a_link_before_opening_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.syx"
    path.write_bytes(GOOD)
    seen = path.lstat()
    monkeypatch.setattr(Path, "lstat", lambda self: seen)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(RefusedError, match="not a regular file"):
        read_file(path)
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(RefusedError, match="cannot be read"):
        read_file(path)


def test_only_staging_folders_are_skipped(home):
    (home.inbox / ".deepdx-x.part").mkdir()
    (home.inbox / ".deepdx-x.part" / "half.syx").write_bytes(BANK)
    (home.inbox / "a.syx").write_bytes(BANK)
    assert [path.name for path in find_files(home.inbox)] == ["a.syx"]


# Archives.


def test_60_000_overlapping_members_take_seconds():
    began = time.process_time()
    found = read_members(make_zip_of_overlapping_members())
    assert time.process_time() - began < 20
    reasons = [reason for reason in found.values() if isinstance(reason, str)]
    assert len(reasons) == 59_999
    assert set(reasons) == {"shares its bytes with another member"}


def test_one_wrong_length_does_not_lose_other_members():
    data = bytearray(make_zip(("1.syx", BANK), ("2.syx", OTHER_BANK)))
    at = data.find(b"PK\x01\x02")
    data[at + 20 : at + 24] = (2**31).to_bytes(4, "little")
    assert read_members(bytes(data)) == {"1.syx": "shares its bytes with another member", "2.syx": OTHER_BANK}


def test_nothing_is_unpacked_once_the_budget_is_spent(monkeypatch):
    monkeypatch.setattr(limits, "MAX_ARCHIVE", 2**20)
    data = make_zip(*((f"{number}", bytes(2**20 + number)) for number in range(5)))
    opened = []
    really_open = zipfile.ZipFile.open
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda self, *a: opened.append(a) or really_open(self, *a))
    found = read_members(data)
    assert set(found.values()) == {bytes(2**20), "the archive unpacks to more than 1 MiB"}
    assert len(opened) == 2


def test_a_directory_of_too_many_members_is_not_built(monkeypatch):
    monkeypatch.setattr(limits, "MAX_MEMBERS", 3)
    data = make_zip(*((str(number), b"") for number in range(5)))
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("built"))
    assert read_members(data) == {"*": "more than 3 members, not read"}


def test_a_directory_of_too_many_bytes_is_not_read(monkeypatch):
    monkeypatch.setattr(limits, "MAX_METADATA", 2**21)
    name = "x" * 60_000
    data = make_zip(*((f"{number}{name}", b"") for number in range(40)))
    assert read_members(data) == {"*": "a directory of more than 2 MiB"}


def test_folders_and_links_of_a_tar_archive_count_as_members(monkeypatch):
    monkeypatch.setattr(limits, "MAX_MEMBERS", 100)
    assert read_members(make_tar_of_folders(101)) == {"*": "more than 100 members, the rest is not read"}
    assert read_members(make_tar_of_folders(100)) == {}


def test_headers_of_a_tar_archive_are_bounded(monkeypatch):
    assert read_members(make_tar_with_header_of(2**19)) == {"a.syx": BANK}
    assert read_members(make_tar_with_header_of(2**21)) == {"*": "damaged tar archive: headers of too many bytes"}
    monkeypatch.setattr(limits, "MAX_METADATA", 2**20)
    found = read_members(make_tar(*((pax(n), BANK) for n in range(6))))
    assert found == {"0.syx": BANK, "1.syx": BANK, "2.syx": BANK, "*": "damaged tar archive: headers of too many bytes"}


def pax(number):
    info = tarfile.TarInfo(f"{number}.syx")
    info.pax_headers = {"comment": "x" * 2**18}
    info.size = len(BANK)
    return info


def test_digits_in_a_header_do_not_take_quadratic_time():
    info = tarfile.TarInfo("a.syx")
    info.pax_headers = {"comment": "7" * 500_000}
    began = time.process_time()
    assert read_members(make_tar((info, b""))) == {"*": "damaged tar archive: a header of digits"}
    assert time.process_time() - began < 5


@pytest.mark.parametrize(("make", "nameless"), [(make_zip, zipfile.ZipInfo("")), (make_tar, "")])
def test_a_member_without_a_name_is_read(make, nameless):
    found = read_members(make(("1.syx", BANK), (nameless, GOOD), ("2.syx", OTHER_BANK)))
    assert found == {"1.syx": BANK, "(no name)": GOOD, "2.syx": OTHER_BANK}


def test_a_name_with_invalid_utf8_does_not_lose_the_archive():
    found = read_members(make_zip_with_invalid_utf8())
    assert sorted(found.values()) == sorted([GOOD, OTHER_BANK])


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_very_long_path_is_one_short_row(make):
    found = read_members(make(("x/" * 5000 + "a.syx", BANK), ("2.syx", OTHER_BANK)))
    assert found.pop("2.syx") == OTHER_BANK
    ((member, reason),) = found.items()
    assert len(member) < 100
    assert reason == "a path of 10,005 characters"


def test_segments_of_an_archive_are_bounded_whatever_is_known(home, monkeypatch):
    monkeypatch.setattr(limits, "MAX_ARCHIVE_SEGMENTS", 10)
    pieces = [b"".join(write_singles(*random_voices(8, seed))) for seed in range(4)]
    (home.inbox / "a.zip").write_bytes(make_zip(*((f"{n}.syx", piece) for n, piece in enumerate(pieces))))
    rows = rows_of(home.inbox)
    assert [rows["a.zip", f"{n}.syx"][1] for n in range(3)] == [8, 8, 0]
    assert rows["a.zip", "2.syx"][2].startswith("more than 10 stretches in the archive")
    assert ("a.zip", "3.syx") not in rows
    # Contents known from other files make no difference.
    (home.inbox / "1.syx").write_bytes(pieces[1])
    known = survey(home.inbox)
    (home.inbox / "b.zip").write_bytes(make_zip(*((f"{n}.syx", piece) for n, piece in enumerate([*pieces, GOOD]))))
    assert survey(home.inbox, known).raw_files.equals(survey(home.inbox).raw_files)


# Memory and time.


def midi_of_one_event_messages(size):
    return b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk" + b"\0\xf0\x02\x43\xf7" * (size // 5)


def hex_text(size):
    return b"F0 43 00 09 20 00 " + b"11 " * (size // 3)


def yamaha_headers(size):
    return b"\xf0\x43\x00\x09\x20\x00\x01\x01\xf0\x43\x00\x00\x01\x1b\xff" * (size // 15)


def sounddiver_library(size):
    return b"FORM\0\0\0\0SSLBLHDR" + b"\x01\x00\x03\x81\x19" * (size // 5)


def bulk_data_of_many_names(size):
    return b"".join(b"\xf0\x43\x00\x7e\x00\x20%010d\xf7" % number for number in range(size // 17))


def legal_everywhere(size):
    values = np.array([0] * 8 + [48, 49, 50, 80, 81, 65, 66, 97, 98], dtype=np.uint8)
    return np.random.default_rng(1).choice(values, size).tobytes()


HOSTILE = [
    midi_of_one_event_messages,
    hex_text,
    yamaha_headers,
    sounddiver_library,
    bulk_data_of_many_names,
    legal_everywhere,
]
# Not ru_maxrss: a process inherits it from the one that started it.
SURVEY_CODE = """
import sys
from pathlib import Path
from deepdx_core.intake.survey import survey
found = survey(Path(sys.argv[1]))
print(found.raw_files.filter(found.raw_files["path"] == "good.syx")["voices"].sum())
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(status["VmHWM"].split()[0])
"""


def survey_in_process(inbox):
    """Survey an inbox in a process; return the number of voices of `good.syx` and the peak memory in megabytes."""
    done = subprocess.run(
        [sys.executable, "-c", SURVEY_CODE, inbox], cwd=ROOT, capture_output=True, text=True, check=True, timeout=600
    )
    voices, kilobytes = map(int, done.stdout.split())
    return voices, kilobytes / 1000


@pytest.mark.parametrize(
    ("make", "size"),
    [(make, 2**23) for make in HOSTILE]
    + [(make, limits.MAX_FILE) for make in (yamaha_headers, bulk_data_of_many_names)],
)
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peak memory is read from /proc")
@pytest.mark.slow
def test_no_file_takes_more_than_a_gigabyte_and_a_half(home, make, size):
    (home.inbox / "good.syx").write_bytes(GOOD)
    (home.inbox / "hostile").write_bytes(make(size))
    (home.inbox / "hostile.zip").write_bytes(make_zip(("hostile", make(size))))
    voices, megabytes = survey_in_process(home.inbox)
    assert voices == 32
    assert megabytes < 1500


def test_segments_beyond_the_limit_are_one_row(monkeypatch):
    monkeypatch.setattr(splitting, "MAX_SEGMENTS", 4)
    singles = write_singles(*random_voices(6))
    exact = reader.read(b"".join(singles[:4]))
    assert [segment.voices for segment in exact.segments] == [1, 1, 1, 1]
    data = b"".join(singles)
    found = reader.read(data).segments
    assert [segment.voices for segment in found] == [1, 1, 1, 0]
    assert (found[-1].what, found[-1].note) == ("not read", "more than 4 stretches")
    assert sum(segment.length for segment in found) == len(data)
    assert reader.read(b"\xf0\x41\xf7\xff" * 3).reason.startswith("more than 4 stretches, the rest is not read")


def seconds_to_find(data):
    began = time.process_time()
    find_runs(np.frombuffer(data, np.uint8), HEADERLESS_FORMATS)
    return time.process_time() - began


def seconds_to_read(data):
    def once():
        began = time.process_time()
        reader.read(data)
        return time.process_time() - began

    return min(once(), once())


BANK_HEADER, SINGLE_HEADER = bytes.fromhex("f04300092000"), bytes.fromhex("f0430000011b")
MARKS = [b"\xf0", b"\xf0\xf7", b"\xf0\x43", b"MTrk", b"MTrk\0\0\0\x09", b"(", b"[", b"{", b"<", SINGLE_HEADER]
HEADERS_EVERY_160_BYTES = [SINGLE_HEADER + bytes(153) + b"\xf7", BANK_HEADER + b"\x50" * 154]


@pytest.mark.parametrize("mark", [*MARKS, *HEADERS_EVERY_160_BYTES], ids=lambda mark: mark[:12].hex())
@pytest.mark.slow
def test_marks_over_and_over_cost_no_more_than_noise_does(mark):
    size = 2 * 2**20
    noise = seconds_to_read(np.random.default_rng(0).bytes(size))
    assert seconds_to_read(mark * (size // len(mark))) < 3 * noise  # as much at most, apart from other work meanwhile


@pytest.mark.slow
def test_candidates_everywhere_take_bounded_time_per_byte():
    size = 16 * 2**20
    noise = seconds_to_find(np.random.default_rng(0).bytes(size))
    crowded = seconds_to_find(legal_everywhere(size))
    assert crowded < 40 * noise
    assert seconds_to_find(legal_everywhere(size // 4)) > crowded / 8  # linear in the bytes
    assert seconds_to_find(GOOD[6:-2][:-128] * 1000 + b"\0") < 40 * noise


# Adding.


def test_nothing_is_written_outside_the_inbox(home, tmp_path, monkeypatch):
    parent = tmp_path / "parent"
    (parent / "here").mkdir(parents=True)
    (parent / "rules.toml").write_text("x = 1")
    monkeypatch.chdir(parent / "here")
    before = sorted(home.root.iterdir())
    for given in ("..", "../here/..", "."):
        list(add_to_inbox([Path(given)], home.inbox, home.staging))
    assert [path for path in sorted(home.root.iterdir()) if path != home.staging] == before
    assert (home.inbox / "parent" / "rules.toml").exists()
    # Nor through a link in the inbox.
    (home.inbox / "Keys").symlink_to(tmp_path)
    (tmp_path / "x" / "Keys").mkdir(parents=True)
    (tmp_path / "x" / "Keys" / "a.syx").write_bytes(BANK)
    (outcome,) = add_to_inbox([tmp_path / "x" / "Keys"], home.inbox, home.staging)
    assert outcome.refused == "its place in the inbox leads out of it"
    assert not (tmp_path / "a.syx").exists()


def test_a_link_in_the_inbox_is_not_replaced(home, tmp_path):
    (home.inbox / "a.syx").symlink_to("nowhere")
    (tmp_path / "a.syx").write_bytes(BANK)
    (outcome,) = add_to_inbox([tmp_path / "a.syx"], home.inbox, home.staging)
    assert outcome.target.name == "a (2).syx"
    assert (home.inbox / "a.syx").is_symlink()


def test_content_under_another_path_is_not_stored_again(home, tmp_path):
    folder = tmp_path / "demo"
    (folder / "Keys").mkdir(parents=True)
    (folder / "Keys" / "a.syx").write_bytes(BANK)
    (folder / "copy.syx").write_bytes(BANK)
    first = list(add_to_inbox([folder], home.inbox, home.staging))
    assert [outcome.new for outcome in first] == [True, True]  # a folder keeps its copies
    (again,) = add_to_inbox([folder / "Keys"], home.inbox, home.staging)
    assert (again.new, again.duplicate) == (False, True)
    assert again.target in (home.inbox / "demo" / "Keys" / "a.syx", home.inbox / "demo" / "copy.syx")
    assert [outcome.new for outcome in add_to_inbox([folder], home.inbox, home.staging)] == [False, False]


def test_files_are_added_to_an_inbox_on_another_file_system(home, tmp_path, monkeypatch):
    (tmp_path / "a.syx").write_bytes(BANK)
    really = Path.replace

    def replace(self, target):
        if home.staging in self.parents:
            raise OSError(18, "Invalid cross-device link")
        return really(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    (outcome,) = add_to_inbox([tmp_path / "a.syx"], home.inbox, home.staging)
    assert outcome.target.read_bytes() == BANK
    assert [path.name for path in home.inbox.iterdir()] == ["a.syx"]


ADD_CODE = "from deepdx_pipeline.cli.app import main; import sys; sys.argv = ['deepdx', 'add', *sys.argv[1:]]; main()"


@pytest.mark.slow
def test_add_killed_at_random_leaves_whole_files_and_can_be_repeated(home, tmp_path):
    random_ = random.Random(5)
    source = tmp_path / "banks"
    source.mkdir()
    whole = {}
    for number in range(150):
        data = b"".join(write_singles(*random_voices(200, number)))
        (source / f"{number:03}.syx").write_bytes(data)
        whole[f"banks/{number:03}.syx"] = data
    environment = os.environ | {"DEEPDX_HOME": str(home.root)}

    def start():
        return subprocess.Popen(
            [sys.executable, "-c", ADD_CODE, source],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    killed = 0
    for _ in range(10):
        process = start()
        have = len(find_files(home.inbox))
        while process.poll() is None and len(find_files(home.inbox)) == have:
            time.sleep(0.01)  # until it has started to add
        time.sleep(random_.uniform(0, 0.05))  # far less than it takes to add all files
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        process.communicate()
        for path in find_files(home.inbox):
            assert path.read_bytes() == whole[path.relative_to(home.inbox).as_posix()]
    assert killed >= 5
    process = start()
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert " 0 refused; 30,000 voice slots in 150 banks" in output
    assert {path.relative_to(home.inbox).as_posix() for path in find_files(home.inbox)} == set(whole)
    for folder in (home.inbox, home.staging):
        assert not list(folder.rglob(STAGING))


def test_an_empty_folder_is_reported(tmp_path):
    (tmp_path / "empty").mkdir()
    files, voices = inspect_files([tmp_path / "empty"])
    assert files["reason"].to_list() == ["empty folder"]
    assert voices.is_empty()
