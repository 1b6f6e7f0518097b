"""`deepdx ui`: start, requests, and shutdown."""

import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.support.paths import DEMO, ROOT

COMMAND = [sys.executable, "-m", "deepdx_pipeline.cli", "ui"]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def run_to_end(home, *arguments):
    environment = os.environ | {"DEEPDX_HOME": str(home.root)}
    return subprocess.run([*COMMAND, *arguments], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_a_port_in_use_fails_with_a_message(home):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        refused = run_to_end(home, "--port", str(port))
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr.startswith("deepdx: ")
    assert refused.stderr.count("\n") == 1
    assert str(port) in refused.stderr
    assert "in use" in refused.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--port", "0"), ("--port", "65536"), ("--port", "-1"), ("--allow-host", "http://x"), ("--allow-host", "")],
)
def test_invalid_ports_and_hostnames_are_usage_errors(home, arguments):
    assert run_to_end(home, *arguments).returncode == 2


def test_an_address_of_another_machine_fails_with_a_message(home):
    refused = run_to_end(home, "--host", "192.0.2.1", "--port", str(free_port()))
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "192.0.2.1" in refused.stderr


class Ui:
    """A UI on a home folder that runs until the block ends."""

    def __init__(self, home):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = home.root / "ui.log"
        self._environment = os.environ | {"DEEPDX_HOME": str(home.root)}

    def __enter__(self):
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "--port", str(self.port)],
                env=self._environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(lambda: "Serving the Dagster UI at" in self.log.read_text() or self.process.poll() is not None, 180)
        assert self.process.poll() is None, self.log.read_text()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def query(self, query, **headers):
        return httpx.post(f"{self.url}/graphql", json={"query": query}, headers=headers, timeout=30)

    def statuses(self):
        response = self.query("{runsOrError{...on Runs{results{status}}}}").json()
        return [run["status"] for run in response["data"]["runsOrError"]["results"]]

    def children(self):
        """Return the ids of its child processes, with their children."""
        rows = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split(
            "\n"
        )
        parents = {int(pid): int(parent) for pid, parent in (row.split() for row in rows if row)}
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found - {self.process.pid}


def can_subscribe(ui, origin):
    """Return True if a page of an origin can subscribe to events."""
    address = ui.url.replace("http", "ws") + "/graphql"
    try:
        with connect(address, origin=origin, subprotocols=["graphql-ws"]) as websocket:
            websocket.send('{"type": "connection_init"}')
            return "connection_ack" in websocket.recv(10)
    except InvalidStatus as refused:
        assert refused.response.status_code == 403
        return False


def wait_for(condition, seconds):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "timed out"
        time.sleep(0.3)


def alive(processes):
    return [pid for pid in processes if subprocess.run(["ps", "-p", str(pid)], capture_output=True).returncode == 0]


@pytest.mark.slow
def test_the_ui_from_start_to_end(home):
    """Page, refused requests, sensor, a second UI, and a shutdown that only leaves a run marked as interrupted."""
    for number, bank in enumerate(sorted((DEMO / "Backup").iterdir())):
        target = home.inbox / f"{number}-{bank.name}"
        target.write_bytes(bank.read_bytes())
        os.utime(target, (time.time() - 60, time.time() - 60))
    with Ui(home) as ui:
        assert "superse" not in ui.log.read_text()
        # Its own pages can read and subscribe.
        page = httpx.get(ui.url, timeout=30)
        assert page.status_code == 200
        assert "__next" in page.text
        assert page.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert ui.query("{version}", Origin=ui.url).json()["data"]["version"]
        assert can_subscribe(ui, ui.url)
        # Other sites cannot.
        assert not can_subscribe(ui, "http://evil.example")
        assert httpx.get(ui.url, headers={"Host": "evil.example"}).status_code == 403
        assert ui.query("{version}", Origin="http://evil.example").status_code == 403
        assert httpx.get(f"{ui.url}/graphql", params={"query": "mutation{x}"}).status_code == 405
        # The sensor processes the inbox once.
        wait_for(lambda: ui.statuses() and ui.statuses()[0] in ("SUCCESS", "FAILURE"), 240)
        assert ui.statuses() == ["SUCCESS"]
        time.sleep(12)
        assert ui.statuses() == ["SUCCESS"]
        assert home.database.is_file()
        # Only one UI per home folder.
        second = run_to_end(home, "--port", str(free_port()))
        assert second.returncode == 1
        assert "another `deepdx ui`" in second.stderr
        # Ctrl-C during a run.
        (home.inbox / "new.syx").write_bytes((DEMO / "Mixed" / "MIXED1.syx").read_bytes())
        wait_for(lambda: ui.statuses()[0] == "STARTED", 120)
        started = ui.children()
        ui.process.send_signal(signal.SIGINT)
        assert ui.process.wait(60) == 0
        wait_for(lambda: not alive(started), 10)
    from deepdx_pipeline.instance import open_instance

    with open_instance(home) as instance:
        assert [run.status.value for run in instance.get_runs()] == ["FAILURE", "SUCCESS"]


@pytest.mark.slow
def test_a_killed_ui_stops_its_daemon_and_a_killed_daemon_its_ui(home):
    with Ui(home) as ui:
        started = ui.children()
        ui.process.kill()
        ui.process.wait()
        wait_for(lambda: not alive(started), 60)
    with Ui(home) as ui:
        started = ui.children()
        daemon = next(pid for pid in started if "deepdx_pipeline.daemon" in command_of(pid))
        os.kill(daemon, signal.SIGKILL)
        assert ui.process.wait(60) == 1
        assert "daemon exited" in ui.log.read_text()
        wait_for(lambda: not alive(started), 90)


def command_of(process):
    return subprocess.run(["ps", "-o", "args=", "-p", str(process)], capture_output=True, text=True).stdout
