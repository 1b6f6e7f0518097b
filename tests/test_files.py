"""Files are written whole or not at all, never over other files by mistake, and cleaned up after a kill."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from deepdx_core.files import (
    OutputError,
    file_digest,
    output_target,
    read_regular,
    remove_leftovers,
    working_folder,
    write_outputs,
    written_whole,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "table"
    with written_whole(path) as temporary:
        temporary.write_bytes(b"first")
        assert not path.exists()
    with pytest.raises(RuntimeError), written_whole(path) as temporary:
        temporary.write_bytes(b"sec")
        raise RuntimeError
    assert path.read_bytes() == b"first"
    assert names(tmp_path) == ["table"]


def test_a_file_can_be_staged_elsewhere(tmp_path):
    with written_whole(tmp_path / "inbox" / "bank", staging=tmp_path / "staging") as temporary:
        temporary.write_bytes(b"x")
        assert names(tmp_path / "inbox") == []
    assert names(tmp_path / "inbox") == ["bank"]
    assert names(tmp_path / "staging") == []


def test_a_file_has_the_permissions_of_the_users_umask(tmp_path):
    before = os.umask(0o027)
    try:
        with written_whole(tmp_path / "table") as temporary:
            temporary.write_bytes(b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "table").stat().st_mode & 0o777 == 0o640


def test_leftovers_of_killed_processes_are_removed_and_folders_in_use_are_not(tmp_path):
    code = (
        "import sys; from pathlib import Path; from deepdx_core.files import written_whole\n"
        "with written_whole(Path(sys.argv[1])) as t: t.write_bytes(b'x'); print('in', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "table")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "in\n"
        assert remove_leftovers(tmp_path) == 0
        assert len(names(tmp_path)) == 1
        writer.send_signal(signal.SIGKILL)
    (tmp_path / ".deepdx-a file of the user.part").write_bytes(b"")
    (tmp_path / ".deepdx-link.part").symlink_to("/")
    assert remove_leftovers(tmp_path) == 1
    assert names(tmp_path) == [".deepdx-a file of the user.part", ".deepdx-link.part"]


def test_a_working_folder_is_removed_at_the_end(tmp_path):
    with working_folder(tmp_path) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_bytes(b"x")
    assert names(tmp_path) == []


def test_outputs_are_only_written_to_regular_files(tmp_path):
    (tmp_path / "present").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(tmp_path / "present")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere" / "file")
    os.mkfifo(tmp_path / "fifo")
    for name, reason in (
        ("present", "exists already"),
        ("link", "exists already"),
        ("dangling", "there is no folder"),
        ("fifo", "not a regular file"),
        (".", "is a folder"),
        ("no/folder", "there is no folder"),
    ):
        with pytest.raises(OutputError, match=reason):
            output_target(tmp_path / name, force=False)
    for name, reason in (("fifo", "not a regular file"), (".", "is a folder"), ("/dev/null", "not a regular file")):
        with pytest.raises(OutputError, match=reason):
            output_target(tmp_path / name, force=True)
    assert output_target(tmp_path / "link", force=True) == tmp_path / "present"
    assert output_target(tmp_path / "new", force=False) == tmp_path / "new"


def test_several_outputs_are_written_all_or_none(tmp_path):
    write_outputs({tmp_path / "a": b"1", tmp_path / "b": b"2"}, force=False)
    with pytest.raises(OutputError, match="exists already"):
        write_outputs({tmp_path / "c": b"3", tmp_path / "b": b"4"}, force=False)
    assert names(tmp_path) == ["a", "b"]
    write_outputs({tmp_path / "a": b"5", tmp_path / "b": b"6"}, force=True)
    assert [(tmp_path / name).read_bytes() for name in "ab"] == [b"5", b"6"]
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(OutputError, match="leads to the same file"):
        write_outputs({tmp_path / "a": b"7", tmp_path / "link": b"8"}, force=True)


@pytest.mark.parametrize("kind", ["fifo", "folder", "socket", "device"])
def test_a_file_that_is_not_regular_is_refused_without_waiting(tmp_path, kind):
    path = tmp_path / "x"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    else:
        path.symlink_to("/dev/zero")
    began = time.monotonic()
    reason = "a folder, not a file" if kind == "folder" else "not a regular file"
    with pytest.raises(OSError, match=reason):
        read_regular(path)
    assert time.monotonic() - began < 1


def test_a_file_that_is_too_large_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(bytes(11))
    assert read_regular(tmp_path / "x", 11) == bytes(11)
    with pytest.raises(OSError, match="larger than 10 bytes"):
        read_regular(tmp_path / "x", 10)


def test_a_digest_stops_at_the_limit(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(b"ab")
    assert file_digest(path, 2) == file_digest(path) == hashlib.sha256(b"ab").hexdigest()
    os.truncate(path, 1 << 40)  # hashing it would take an hour
    assert file_digest(path, 2) == "larger than 2 bytes"


def test_reading_takes_memory_for_the_file_and_not_for_the_limit(tmp_path):
    (tmp_path / "x").write_bytes(b"x")
    assert read_regular(tmp_path / "x", 1 << 60) == b"x"


def test_a_folder_in_place_of_a_file_is_set_aside_on_request(tmp_path):
    for number in (1, 2):
        (tmp_path / "table").mkdir()
        (tmp_path / "table" / str(number)).write_bytes(b"")
        with pytest.raises(OSError), written_whole(tmp_path / "table") as temporary:
            temporary.write_bytes(b"x")
        with written_whole(tmp_path / "table", set_aside=True) as temporary:
            temporary.write_bytes(b"x")
        assert (tmp_path / "table").read_bytes() == b"x"
        (tmp_path / "table").unlink()
    assert names(tmp_path) == ["table.set-aside-1", "table.set-aside-2"]
    assert names(tmp_path / "table.set-aside-2") == ["2"]
