"""Downloads: files from the net, on their way to the inbox.

A download that was cut goes on where it ended: its bytes wait in a folder, with what the server said of the file.
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
from deepdx_core.intake.contents import MAX_ARCHIVE
from deepdx_core.progress import Report, silent

MAX_REDIRECTS = 5
TIMEOUT = httpx.Timeout(30, connect=10)
"""Seconds until a silent server is given up."""
LONGEST = 3600.0
"""Seconds until a download ends, however slowly bytes still come; the next call goes on."""
_LONGEST_NAME = 120
_SCHEMES = ("http", "https")
_WITH_FILE = (httpx.codes.OK, httpx.codes.NON_AUTHORITATIVE_INFORMATION, httpx.codes.PARTIAL_CONTENT)


class DownloadError(DeepDXError):
    """A file could not be fetched; the message names its address and the reason."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{printable(url)}: {reason}")


@contextmanager
def fetched(
    url: str, folder: Path, *, name: str = "", sha256: str = "", limit: int = MAX_ARCHIVE, report: Report = silent
) -> Iterator[Path]:
    """Fetch a file into a folder, and remove it when the block ends.

    Its name is `name`, or what the server or the URL call it, made safe. `report` is told of bytes; a total of 0 is
    unknown. Raises DownloadError: no such file, no network, connection cut or longer under way than LONGEST (the next
    call goes on where it ended), nothing in it, more than `limit` bytes, not the file of this SHA-256, another download
    under way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            _clean(folder)
            part = _Part(folder, url)
            named = _fetch(url, part, limit, report)
            if sha256 and (found := part.sha256()) != sha256:
                part.discard()
                raise DownloadError(url, f"not the file that was expected: its SHA-256 is {found}, not {sha256}")
            path = folder / (name or named)
            part.become(path)
            try:
                yield path
            finally:
                path.unlink(missing_ok=True)
    except Timeout as error:
        raise DownloadError(url, "another download is under way") from error


def _clean(folder: Path) -> None:
    """Take away what a killed process left, but for parts, with which a later one goes on."""
    remove_leftovers(folder)
    for path in folder.iterdir():
        if path.is_file() and path.suffix not in (".part", ".json") and path.name != ".lock":
            path.unlink()


class _Part:
    """What of a file has arrived, and the server's mark of the version that it belongs to."""

    def __init__(self, folder: Path, url: str) -> None:
        key = hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self.path = folder / f"{key}.part"
        self._mark = folder / f"{key}.json"

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def mark(self) -> str:
        """The ETag or date of the version, "" where nothing is there to go on with."""
        try:
            return str(json.loads(self._mark.read_text())["version"]) if self.size else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def begin(self, version: str) -> None:
        self.discard()
        with written_whole(self._mark) as temporary:
            temporary.write_text(json.dumps({"version": version}))

    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)

    def become(self, path: Path) -> None:
        self.path.replace(path)
        self._mark.unlink(missing_ok=True)


def _fetch(url: str, part: _Part, limit: int, report: Report) -> str:
    """Complete a part, and say what the file is called."""
    watch = _Watch(LONGEST)
    try:
        with watch, httpx.Client(timeout=TIMEOUT, headers={"Accept-Encoding": "identity"}) as client:
            while True:
                with _answer(client, url, part, watch) as answer:
                    if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and part.size:
                        part.discard()
                        continue
                    if answer.status_code not in _WITH_FILE:
                        said = printable(f"{answer.status_code} {answer.reason_phrase}".strip())
                        raise DownloadError(url, f"the server says {said}")
                    _receive(url, answer, part, limit, report)
                    if watch.over:  # to a body of unknown length, that is an end like any other
                        raise httpx.ReadError("cut")
                    if part.size == 0:
                        raise DownloadError(url, "the server sent an empty file")
                    return _file_name(answer)
    # A name that no host can have is refused by Python's own codec.
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        raise DownloadError(url, f"no address to fetch from: {printable(str(error))}") from error
    except ValueError as error:  # such as a length of 5,000 digits
        raise DownloadError(url, f"the server's answer makes no sense: {printable(str(error))}") from error
    except httpx.TimeoutException as error:
        raise DownloadError(url, f"the server does not answer{_kept(part)}") from error
    except httpx.ConnectError as error:
        raise DownloadError(url, f"cannot be reached: {printable(str(error))}") from error
    except httpx.HTTPError as error:
        if watch.over:
            raise DownloadError(url, f"not done after {LONGEST:g} seconds{_kept(part)}") from error
        raise DownloadError(url, f"connection cut: {printable(str(error))}{_kept(part)}") from error


def _kept(part: _Part) -> str:
    return f"; {part.size:,} bytes are kept, the next try goes on from there" if part.mark() else ""


class _Watch:
    """Ends connections when their time is over, also within headers, which no timeout of httpx does."""

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def trace(self, event: str, about: Mapping[str, Any]) -> None:
        """An httpcore `trace`: takes note of each connection, before and after its encryption."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets.append(about["return_value"].get_extra_info("socket"))
            if self.over:
                self._end()

    def _end(self) -> None:
        self.over = True
        for connection in self._sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def _answer(client: httpx.Client, url: str, part: _Part, watch: _Watch) -> Iterator[httpx.Response]:
    """The answer at the end of all redirects, its body still to come."""
    headers = {"Range": f"bytes={part.size}-", "If-Range": part.mark()} if part.mark() else {}
    target = httpx.URL(url)
    for _ in range(MAX_REDIRECTS + 1):
        if target.scheme not in _SCHEMES:
            raise DownloadError(url, f"only http and https are followed, not {printable(target.scheme) or 'nothing'}")
        with client.stream("GET", target, headers=headers, extensions={"trace": watch.trace}) as answer:
            if not answer.has_redirect_location:
                yield answer
                return
            target = target.join(answer.headers["Location"])
    raise DownloadError(url, f"more than {MAX_REDIRECTS} redirects")


def _receive(url: str, answer: httpx.Response, part: _Part, limit: int, report: Report) -> None:
    if answer.status_code == httpx.codes.PARTIAL_CONTENT:
        stated = re.fullmatch(r"bytes ([0-9]{1,18})-[0-9]+/([0-9]{1,18}|\*)", answer.headers.get("Content-Range", ""))
        if not stated or int(stated[1]) != part.size or _version(answer) not in ("", part.mark()):
            part.discard()
            raise DownloadError(url, "the server sent another part than it was asked for; the next try starts anew")
        total = int(stated[2]) if stated[2] != "*" else 0
    else:
        part.begin(_version(answer))
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else 0
    done = part.size
    with part.path.open("ab") as file:
        if total <= limit:
            for piece in answer.iter_raw():
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


def _version(answer: httpx.Response) -> str:
    """What tells this version of a file from another: its ETag, unless that is a weak one, else its date."""
    etag: str = answer.headers.get("ETag", "")
    version: str = etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")
    return version if version.isascii() else ""


def _file_name(answer: httpx.Response) -> str:
    header = Message()
    header["Content-Disposition"] = answer.headers.get("Content-Disposition", "")
    return safe_name(header.get_filename("") or unquote(urlsplit(str(answer.url)).path))


def safe_name(name: str) -> str:
    """The last part of a path as a name for a file: no folder, nothing hidden, nothing a file system or shell minds."""
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    plain = re.sub(r"[^\w .()+,@=#&'!-]", "_", last).strip(" .")
    stem, dot, suffix = plain.rpartition(".")
    if not dot or len(suffix) > 10:
        stem, suffix = plain, ""
    return f"{stem[:_LONGEST_NAME]}{dot and suffix and '.'}{suffix}" or "download"
