"""Downloads over HTTP.

An interrupted download resumes where it stopped: its bytes are kept in a folder, with the version of the file that the
server stated.
"""

import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
from filelock import FileLock, Timeout

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.files import remove_leftovers, written_whole
from deepdx_core.intake.limits import MAX_ARCHIVE
from deepdx_core.progress import Report, silent

MAX_REDIRECTS = 5
TIMEOUT = httpx.Timeout(30, connect=10)
"""Seconds to wait for a server that sends nothing."""
MAX_SECONDS = 3600.0
"""Seconds after which a download stops, even if bytes still arrive; the next call resumes it."""
_MAX_NAME = 120
_SCHEMES = ("http", "https")
_WITH_BODY = (httpx.codes.OK, httpx.codes.NON_AUTHORITATIVE_INFORMATION, httpx.codes.PARTIAL_CONTENT)


class DownloadError(DeepDXError):
    """A file cannot be downloaded. The message names its URL and the reason."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{printable(url)}: {reason}")


@contextmanager
def fetch(
    url: str, folder: Path, *, name: str = "", sha256: str = "", limit: int = MAX_ARCHIVE, report: Report = silent
) -> Iterator[Path]:
    """Download a file into a folder and yield its path. The file is removed when the block ends.

    name: the file's name; by default a safe form of the name that the server or the URL gives.
    report: called with the bytes so far and in total, 0 if unknown.

    Raises DownloadError if the server cannot be reached or has no such file, the connection breaks or the download
    takes longer than MAX_SECONDS (the next call resumes it), the file is empty, larger than `limit` bytes or has
    another SHA-256, or another download into this folder is running.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            _clean_folder(folder)
            part = _Part(folder, url)
            served_name = _download(url, part, limit, report)
            if sha256 and (found := part.sha256()) != sha256:
                part.discard()
                raise DownloadError(url, f"not the expected file: its SHA-256 is {found}, not {sha256}")
            path = folder / (name or served_name)
            part.move_to(path)
            try:
                yield path
            finally:
                path.unlink(missing_ok=True)
    except Timeout as error:
        raise DownloadError(url, "another download is under way") from error


def _clean_folder(folder: Path) -> None:
    """Remove the files of killed processes, except partial downloads, which can be resumed."""
    remove_leftovers(folder)
    for path in folder.iterdir():
        if path.is_file() and path.suffix not in (".part", ".json") and path.name != ".lock":
            path.unlink()


class _Part:
    """The bytes of a file received so far, and the server's version of the file they belong to."""

    def __init__(self, folder: Path, url: str) -> None:
        key = hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self.path = folder / f"{key}.part"
        self._version_file = folder / f"{key}.json"

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def version(self) -> str:
        """Return the ETag or date of the file, "" if there is nothing to resume."""
        try:
            return str(json.loads(self._version_file.read_text())["version"]) if self.size else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def restart(self, version: str) -> None:
        self.discard()
        with written_whole(self._version_file) as temporary:
            temporary.write_text(json.dumps({"version": version}))

    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._version_file.unlink(missing_ok=True)

    def move_to(self, path: Path) -> None:
        self.path.replace(path)
        self._version_file.unlink(missing_ok=True)


def _download(url: str, part: _Part, limit: int, report: Report) -> str:
    """Complete a partial download and return the file's name."""
    deadline = _Deadline(MAX_SECONDS)
    try:
        with deadline, httpx.Client(timeout=TIMEOUT, headers={"Accept-Encoding": "identity"}) as client:
            while True:
                with _open_response(client, url, part, deadline) as response:
                    if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and part.size:
                        part.discard()
                        continue
                    if response.status_code not in _WITH_BODY:
                        status = printable(f"{response.status_code} {response.reason_phrase}".strip())
                        raise DownloadError(url, f"the server says {status}")
                    _save_body(url, response, part, limit, report)
                    if deadline.passed:  # a body of unknown length ends like any other when its connection is closed
                        raise httpx.ReadError("cut")
                    if part.size == 0:
                        raise DownloadError(url, "the server sent an empty file")
                    return _file_name(response)
    # UnicodeError: a host name that Python's own codec refuses.
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        raise DownloadError(url, f"not a URL to download from: {printable(str(error))}") from error
    except ValueError as error:  # such as a length of 5,000 digits
        raise DownloadError(url, f"the server sent an invalid response: {printable(str(error))}") from error
    except httpx.TimeoutException as error:
        raise DownloadError(url, f"the server does not answer{_resume_note(part)}") from error
    except httpx.ConnectError as error:
        raise DownloadError(url, f"cannot be reached: {printable(str(error))}") from error
    except httpx.HTTPError as error:
        if deadline.passed:
            raise DownloadError(url, f"not done after {MAX_SECONDS:g} seconds{_resume_note(part)}") from error
        raise DownloadError(url, f"connection cut: {printable(str(error))}{_resume_note(part)}") from error


def _resume_note(part: _Part) -> str:
    return f"; {part.size:,} bytes are kept, the next try resumes from there" if part.version() else ""


class _Deadline:
    """Closes connections after some seconds, even while headers arrive; the timeouts of httpx do not."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._close)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Record each connection, before and after its encryption: a `trace` function of httpcore."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets.append(info["return_value"].get_extra_info("socket"))
            if self.passed:
                self._close()

    def _close(self) -> None:
        self.passed = True
        for connection in self._sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def _open_response(client: httpx.Client, url: str, part: _Part, deadline: _Deadline) -> Iterator[httpx.Response]:
    """Follow redirects and yield the last response, its body not yet read."""
    headers = {"Range": f"bytes={part.size}-", "If-Range": part.version()} if part.version() else {}
    target = httpx.URL(url)
    for _ in range(MAX_REDIRECTS + 1):
        if target.scheme not in _SCHEMES:
            raise DownloadError(url, f"only http and https are followed, not {printable(target.scheme) or 'nothing'}")
        with client.stream("GET", target, headers=headers, extensions={"trace": deadline.trace}) as response:
            if not response.has_redirect_location:
                yield response
                return
            target = target.join(response.headers["Location"])
    raise DownloadError(url, f"more than {MAX_REDIRECTS} redirects")


def _save_body(url: str, response: httpx.Response, part: _Part, limit: int, report: Report) -> None:
    if response.status_code == httpx.codes.PARTIAL_CONTENT:
        header = response.headers.get("Content-Range", "")
        content_range = re.fullmatch(r"bytes ([0-9]{1,18})-[0-9]+/([0-9]{1,18}|\*)", header)
        same_version = _version(response) in ("", part.version())
        if not content_range or int(content_range[1]) != part.size or not same_version:
            part.discard()
            raise DownloadError(url, "the server sent another range than requested; the next try starts over")
        total = int(content_range[2]) if content_range[2] != "*" else 0
    else:
        part.restart(_version(response))
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else 0
    done = part.size
    with part.path.open("ab") as file:
        if total <= limit:
            for piece in response.iter_raw():
                done += len(piece)
                if done > limit:
                    break
                file.write(piece)
                report("downloading", done, total)
    if max(done, total) > limit:
        part.discard()
        raise DownloadError(url, f"larger than {limit:,} bytes")
    if done < total:
        raise httpx.ReadError(f"{done:,} of {total:,} bytes came")


def _version(response: httpx.Response) -> str:
    """Return the version of a file: its ETag, unless that is weak, or else its date."""
    etag: str = response.headers.get("ETag", "")
    version: str = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
    return version if version.isascii() else ""


def _file_name(response: httpx.Response) -> str:
    header = Message()
    header["Content-Disposition"] = response.headers.get("Content-Disposition", "")
    return safe_name(header.get_filename("") or unquote(urlsplit(str(response.url)).path))


def safe_name(name: str) -> str:
    """Return the last part of a path as a file name: no folder, not hidden, safe for file systems and shells."""
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    plain = re.sub(r"[^\w .()+,@=#&'!-]", "_", last).strip(" .")
    stem, dot, suffix = plain.rpartition(".")
    if not dot or len(suffix) > 10:
        stem, suffix = plain, ""
    return f"{stem[:_MAX_NAME]}{dot and suffix and '.'}{suffix}" or "download"
