"""Downloads from a local server: whole, resumed, or refused with the reason."""

import hashlib
import http.server
import threading
import time
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from deepdx_core.intake import download
from deepdx_core.intake.download import DownloadError, fetch, safe_name
from deepdx_core.intake.public_collections import Collection, load_collections
from deepdx_pipeline.cli.app import app
from tests.support.archives import BANK, OTHER_BANK

MANY = BANK * 64


class Site:
    """The responses of the server, and the requests it received."""

    def __init__(self):
        self.data = MANY
        self.etag = '"1"'
        self.ranges = True
        self.cut_after = None
        """Bytes of a body after which the connection is cut."""
        self.stated = None
        """A Content-Length that is not the body's."""
        self.headers = {}
        self.requests = []

    def __call__(self, request):
        self.requests.append((request.path, request.headers.get("Range")))
        if request.path == "/missing":
            request.send_error(404)
        elif request.path.startswith("/to/"):
            request.send_response(302)
            request.send_header("Location", self.headers["Location"])
            request.end_headers()
        elif request.path == "/endless":
            self.endless(request)
        else:
            self.file(request)

    def file(self, request):
        start, data = 0, self.data
        requested = request.headers.get("Range")
        if requested and self.ranges and request.headers.get("If-Range") == self.etag:
            start = int(requested.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                request.send_error(416)
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            request.send_response(200)
        body = data[start:]
        if self.etag:
            request.send_header("ETag", self.etag)
        for name, value in self.headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(self.stated or len(body)))
        request.end_headers()
        request.wfile.write(body[: self.cut_after])

    def endless(self, request):
        request.send_response(200)
        request.end_headers()
        try:
            while True:
                request.wfile.write(bytes(2**16))
        except OSError:
            pass


@pytest.fixture
def site(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    served = Site()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            served(self)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield served
        server.shutdown()
        thread.join()


def load(url, folder, **more):
    with fetch(url, folder, **more) as path:
        assert path.parent == folder
        return path.name, path.read_bytes()


def list_suffixes(folder):
    return sorted(path.suffix for path in folder.iterdir() if path.suffix)


def test_a_file_is_downloaded_with_progress(site, tmp_path):
    reports = []
    name, data = load(f"{site.url}/a/banks.syx?download=1", tmp_path, report=lambda *args: reports.append(args))
    assert (name, data) == ("banks.syx", MANY)
    assert reports[-1] == ("downloading", len(MANY), len(MANY))
    assert list_suffixes(tmp_path) == []


def cut_once(site, folder, after=100_000):
    site.cut_after = after
    with pytest.raises(DownloadError, match=r"connection cut.*100,000 bytes are kept, the next try resumes from there"):
        load(f"{site.url}/banks.syx", folder)
    site.cut_after = None
    assert list_suffixes(folder) == [".json", ".part"]


def test_a_download_resumes_after_a_cut_connection(site, tmp_path):
    cut_once(site, tmp_path)
    assert load(f"{site.url}/banks.syx", tmp_path, sha256=hashlib.sha256(MANY).hexdigest()) == ("banks.syx", MANY)
    assert site.requests == [("/banks.syx", None), ("/banks.syx", "bytes=100000-")]
    assert list_suffixes(tmp_path) == []


def test_a_download_resumes_by_date_if_there_is_no_etag(site, tmp_path):
    site.etag, date = "", "Tue, 01 Feb 2022 10:00:00 GMT"
    site.headers = {"Last-Modified": date}
    cut_once(site, tmp_path)
    site.etag = date
    assert load(f"{site.url}/banks.syx", tmp_path)[1] == MANY
    assert site.requests[-1] == ("/banks.syx", "bytes=100000-")


def test_without_ranges_a_download_starts_over(site, tmp_path):
    site.ranges = False
    cut_once(site, tmp_path)
    assert load(f"{site.url}/banks.syx", tmp_path)[1] == MANY


def test_a_file_without_a_version_starts_over(site, tmp_path):
    site.etag = 'W/"weak"'
    site.cut_after = 1000
    with pytest.raises(DownloadError, match="connection cut") as caught:
        load(f"{site.url}/banks.syx", tmp_path)
    assert "kept" not in str(caught.value)
    site.cut_after = None
    assert load(f"{site.url}/banks.syx", tmp_path)[1] == MANY
    assert site.requests == [("/banks.syx", None)] * 2


def test_a_file_that_changed_between_tries_starts_over(site, tmp_path):
    cut_once(site, tmp_path)
    site.data, site.etag = OTHER_BANK, '"2"'
    assert load(f"{site.url}/banks.syx", tmp_path)[1] == OTHER_BANK
    # The rest of another version is refused even if the server sends it.
    site.data, site.etag = MANY, '"1"'
    cut_once(site, tmp_path)
    site.headers = {"ETag": '"3"'}
    site.etag = '"1"'
    site.file, honest = lambda request: wrong_part(request), site.file
    with pytest.raises(DownloadError, match="another range than requested"):
        load(f"{site.url}/banks.syx", tmp_path)
    site.file, site.headers = honest, {}
    assert load(f"{site.url}/banks.syx", tmp_path)[1] == MANY


def wrong_part(request):
    request.send_response(206)
    request.send_header("Content-Range", "bytes 5-9/10")
    request.send_header("Content-Length", "5")
    request.end_headers()
    request.wfile.write(b"wrong")


def test_a_partial_download_longer_than_the_file_starts_over(site, tmp_path):
    cut_once(site, tmp_path)
    site.data = BANK
    assert load(f"{site.url}/banks.syx", tmp_path)[1] == BANK
    assert [requested for _, requested in site.requests] == [None, "bytes=100000-", None]


def test_a_body_ends_at_its_content_length_and_a_longer_length_is_an_error(site, tmp_path):
    site.stated = len(MANY) * 2
    with pytest.raises(DownloadError, match="connection cut"):
        load(f"{site.url}/banks.syx", tmp_path)
    site.etag, site.stated = '"2"', len(BANK)
    assert load(f"{site.url}/other.syx", tmp_path)[1] == BANK
    site.stated = 2**40
    with pytest.raises(DownloadError, match="larger than 1,073,741,824 bytes"):
        load(f"{site.url}/banks.syx", tmp_path)
    assert list_suffixes(tmp_path) == []


def test_an_endless_body_is_stopped_at_the_limit(site, tmp_path):
    reports = []
    with pytest.raises(DownloadError, match="larger than 1,000,000 bytes"):
        load(
            f"{site.url}/endless", tmp_path, limit=10**6, report=lambda what, done, total: reports.append((done, total))
        )
    assert reports[-1][0] <= 10**6
    assert {total for _, total in reports} == {0}
    assert list_suffixes(tmp_path) == []


def test_missing_files_and_unreachable_servers_are_errors(site, tmp_path):
    with pytest.raises(DownloadError, match="/missing: the server says 404 Not Found"):
        load(f"{site.url}/missing", tmp_path)
    with pytest.raises(DownloadError, match=r"http://127\.0\.0\.1:1/x: cannot be reached"):
        load("http://127.0.0.1:1/x", tmp_path)
    for url in ("http://", "http://[", "http://a b/", "https://exa\x00mple/"):
        with pytest.raises(DownloadError):
            load(url, tmp_path)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/a.syx", "data:/hello"])
def test_only_http_is_followed(site, tmp_path, url):
    with pytest.raises(DownloadError, match="only http and https"):
        load(url, tmp_path)
    site.headers = {"Location": url}
    with pytest.raises(DownloadError, match="only http and https"):
        load(f"{site.url}/to/a.syx", tmp_path)


def test_redirects_are_followed_up_to_a_limit(site, tmp_path):
    site.headers = {"Location": "/real.syx"}
    assert load(f"{site.url}/to/a.syx", tmp_path) == ("real.syx", MANY)
    site.headers = {"Location": "/to/again"}
    with pytest.raises(DownloadError, match="more than 5 redirects"):
        load(f"{site.url}/to/a.syx", tmp_path)


def test_a_file_with_a_wrong_checksum_is_refused(site, tmp_path):
    wanted, found = "0" * 64, hashlib.sha256(MANY).hexdigest()
    with pytest.raises(DownloadError, match=f"its SHA-256 is {found}, not {wanted}"):
        load(f"{site.url}/banks.syx", tmp_path, sha256=wanted)
    assert list_suffixes(tmp_path) == []


@pytest.mark.parametrize("status", [204, 205, 304, 300])
def test_an_answer_without_a_file_is_refused(site, tmp_path, status):
    site.file = lambda request: (request.send_response(status, "No \x1b[2Jfile"), request.end_headers())
    with pytest.raises(DownloadError, match="the server says") as caught:
        load(f"{site.url}/banks.syx", tmp_path)
    assert str(caught.value).endswith(f"the server says {status} No \\x1b[2Jfile")
    assert list_suffixes(tmp_path) == []


def test_an_empty_file_is_refused(site, tmp_path):
    site.data = b""
    with pytest.raises(DownloadError, match="the server sent an empty file"):
        load(f"{site.url}/banks.syx", tmp_path)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX: ", b'HTTP/1.1 200 OK\r\nETag: "1"\r\n\r\n'])
def test_a_slow_download_ends_in_time(site, tmp_path, monkeypatch, head):
    monkeypatch.setattr(download, "MAX_SECONDS", 0.5)

    def drip(request):
        try:
            request.wfile.write(head)
            for _ in range(400):
                request.wfile.write(b"a")
                time.sleep(0.02)
        except OSError:
            pass

    site.file = drip
    began = time.monotonic()
    with pytest.raises(DownloadError, match=r"not done after 0\.5 seconds" if head else "connection cut|not done"):
        load(f"{site.url}/banks.syx", tmp_path)
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    "host",
    [
        "a..b",
        "x" * 64 + ".org",
        "xn--",
        "xn--a",
        "\u2024\u2024",
        ".",
        "exa\u202emple.org",
        "a.b:99999",
        "a:b:c",
        "%41%00",
    ],
)
def test_invalid_host_names_are_refused(site, tmp_path, host):
    with pytest.raises(DownloadError) as caught:
        load(f"http://{host}/a.syx", tmp_path)
    assert "\u202e" not in str(caught.value)
    site.headers = {"Location": quote(f"http://{host}/a.syx", safe=":/%")}
    with pytest.raises(DownloadError):
        load(f"{site.url}/to/a.syx", tmp_path)


def test_an_invalid_content_length_is_refused(site, tmp_path):
    site.stated = "9" * 5000
    with pytest.raises(DownloadError):
        load(f"{site.url}/banks.syx", tmp_path)


def test_leftovers_of_a_killed_download_are_removed(site, tmp_path):
    cut_once(site, tmp_path)
    (tmp_path / "whole.zip").write_bytes(b"whole, but never added to the inbox")
    (tmp_path / ".deepdx-abc.part").mkdir()
    assert load(f"{site.url}/banks.syx", tmp_path)[1] == MANY
    assert site.requests[-1] == ("/banks.syx", "bytes=100000-")
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_server_that_sends_nothing_is_an_error(site, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    site.stated, site.file = None, lambda request: threading.Event().wait(0.6)
    with pytest.raises(DownloadError, match="the server does not answer"):
        load(f"{site.url}/banks.syx", tmp_path)


def test_a_second_download_into_a_folder_is_refused(site, tmp_path):
    with (
        fetch(f"{site.url}/a.syx", tmp_path),
        pytest.raises(DownloadError, match="another download is under way"),
    ):
        load(f"{site.url}/b.syx", tmp_path)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("/a/b/bank.syx", "bank.syx"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/", "download"),
        ("..", "download"),
        ("/.bashrc", "bashrc"),
        ("/a\x1b[31m\n.syx", "a__31m_.syx"),
        ("C:evil|<>*?.zip", "C_evil_____.zip"),
        ("/Flöten & Geigen (2).syx", "Flöten & Geigen (2).syx"),
        ("/" + "x" * 400 + ".syx", "x" * 120 + ".syx"),
        ("/" + "ö" * 400, "ö" * 120),
    ],
)
def test_safe_names_are_plain_file_names(name, safe):
    assert safe_name(name) == safe


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="../../evil.syx"', "evil.syx"),
        ("attachment; filename*=UTF-8''%2E%2E%2Fe%CC%80vil.syx", None),
        ('attachment; filename=""', "url.syx"),
        ("attachment", "url.syx"),
    ],
)
def test_names_from_the_server_are_made_safe(site, tmp_path, header, name):
    site.headers = {"Content-Disposition": header}
    found, _ = load(f"{site.url}/url.syx", tmp_path)
    assert "/" not in found and not found.startswith(".")
    assert name is None or found == name


def test_names_in_urls_are_made_safe(site, tmp_path):
    assert load(f"{site.url}/{quote('../../x/.evil.syx', safe='')}", tmp_path)[0] == "evil.syx"


def deepdx(*arguments):
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_add_downloads_urls(site, home):
    site.data = BANK
    result = deepdx("add", f"{site.url}/bank.syx", f"{site.url}/missing", f"{site.url}/other.syx")
    assert result.exit_code == 1
    assert "1 file added, 1 already there, 1 refused; 32 voice slots in 1 bank;" in result.output
    assert "/missing: the server says 404 Not Found" in result.output
    assert (home.inbox / "bank.syx").read_bytes() == BANK
    again = deepdx("add", f"{site.url}/bank.syx")
    assert again.exit_code == 0
    assert "0 files added, 1 already there" in again.output
    assert list_suffixes(home.root / "downloads") == []


def test_add_downloads_a_collection_by_name(site, home, monkeypatch, tmp_path):
    site.data = BANK
    known = Collection(
        "some", f"{site.url}/x", "some.bin", "none stated", "all voices", hashlib.sha256(BANK).hexdigest()
    )
    monkeypatch.setitem(load_collections(), "some", known)
    result = deepdx("add", "some")
    assert result.exit_code == 0
    assert "license: none stated; the voices are other people's work" in result.output
    assert (home.inbox / "some.bin").read_bytes() == BANK
    site.data, site.etag = OTHER_BANK, '"2"'
    assert "its SHA-256 is" in deepdx("add", "some").output
    assert [path.name for path in home.inbox.iterdir()] == ["some.bin"]
    # A path of that name takes precedence.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some").write_bytes(OTHER_BANK)
    deepdx("add", "some")
    assert (home.inbox / "some").read_bytes() == OTHER_BANK


def test_public_collections_are_listed_in_the_help():
    assert {"learnfm", "patch-library"} <= set(load_collections())
    shown = " ".join(deepdx("add", "--help").output.replace("│", " ").split())
    for collection in load_collections().values():
        assert collection.url.startswith("https://")
        assert safe_name(collection.file) == collection.file
        assert collection.name in shown
