"""A page in headless Chromium, driven over its DevTools protocol, and a server for its files."""

import functools
import http.server
import itertools
import json
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

CHROMIUM = Path("/usr/bin/chromium")


class Page:
    """A page that runs JavaScript."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (answer := json.loads(self._connection.recv(60))).get("id") != number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def run(self, script: str) -> Any:
        """Run the body of an async function and return its value. Raises AssertionError if it throws."""
        expression = f"(async () => {{\n{script}\n}})()"
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"].get("exception", answer)
        return answer["result"].get("value")

    def require_loaded(self, address: str) -> None:
        """Raise OSError if the page is not yet there."""
        if self.run("return [location.href, document.readyState]") != [address, "complete"]:
            raise OSError(f"{address} is not loaded")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on localhost, and yield its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def open_page(address: str, profile: Path) -> Iterator[Page]:
    """Open an address in a Chromium of its own, with its profile in an empty folder."""
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage")
    command = [CHROMIUM, *options, "--remote-debugging-port=0", f"--user-data-dir={profile}", address]
    with (profile / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        port = _wait_for(lambda: (profile / "DevToolsActivePort").read_text().split()[0])
        target = _wait_for(lambda: _find_page(port))
        with connect(target["webSocketDebuggerUrl"], max_size=None) as connection:
            page = Page(connection)
            _wait_for(lambda: page.require_loaded(address))
            yield page
    finally:
        process.terminate()
        process.wait(20)


def _find_page(port: str) -> dict[str, str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=10) as answer:
        pages: list[dict[str, str]] = json.load(answer)
    found = [page for page in pages if page["type"] == "page"]
    if not found:
        raise OSError("there is no page")
    return found[0]


def _wait_for(attempt: Any, seconds: float = 30) -> Any:
    """Return an attempt's result once it succeeds."""
    until = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except (OSError, IndexError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
