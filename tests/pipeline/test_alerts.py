"""Alerts: failed runs and stale data reach a webhook and a mail server; a failing alert fails nothing else."""

import http.server
import json
import socketserver
import threading
from contextlib import contextmanager

import dagster as dg
import pytest

from deepdx_core.settings import AlertSettings
from deepdx_pipeline.alerts import Alert, send_alert
from deepdx_pipeline.definitions import build_defs
from deepdx_pipeline.defs import alert_sensors
from deepdx_pipeline.defs.alert_sensors import MAX_INBOX_SECONDS

ALERT = Alert("refresh_corpus failed", "verdicts: rules.toml: no", "/home/x", "refresh_corpus", "abc")


@contextmanager
def webhook(status=200):
    """A server on localhost, its address, and the bodies that it received."""
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", received
        server.shutdown()


@contextmanager
def mail_server():
    """A mail server on localhost that accepts everything, its port, and the lines that it received."""
    received = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            def say(text):
                self.wfile.write(f"{text}\r\n".encode())

            say("220 here")
            in_data = False
            for line in self.rfile:
                text = line.decode().rstrip("\r\n")
                received.append(text)
                if in_data:
                    if text == ".":
                        in_data = False
                        say("250 ok")
                elif text.upper() == "DATA":
                    in_data = True
                    say("354 go on")
                elif text.upper() == "QUIT":
                    say("221 bye")
                    return
                else:
                    say("250 ok")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], received
        server.shutdown()


def test_an_alert_is_posted_as_json():
    with webhook() as (address, received):
        assert send_alert(AlertSettings(webhook=address), ALERT) == []
    (body,) = received
    assert body == {
        "title": "refresh_corpus failed",
        "text": "verdicts: rules.toml: no",
        "home": "/home/x",
        "job": "refresh_corpus",
        "run_id": "abc",
    }


def test_an_alert_is_mailed():
    with mail_server() as (port, received):
        settings = AlertSettings(mail_to="me@example.org", smtp_host="127.0.0.1", smtp_port=port)
        assert send_alert(settings, ALERT) == []
    assert "Subject: Deep DX: refresh_corpus failed" in received
    assert "To: me@example.org" in received and "text: verdicts: rules.toml: no" in received


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_answer_other_than_success_is_a_failure_and_redirects_are_not_followed(status):
    with webhook(status) as (address, received):
        assert send_alert(AlertSettings(webhook=address), ALERT) == [f"the webhook answered {status}"]
    assert len(received) == 1


def test_servers_that_are_not_there_are_failures_and_no_errors():
    settings = AlertSettings(
        webhook="http://127.0.0.1:1/x", mail_to="me@example.org", smtp_host="127.0.0.1", smtp_port=1
    )
    webhook_failed, mail_failed = send_alert(settings, ALERT)
    assert webhook_failed.startswith("the webhook cannot be reached: ")
    assert mail_failed.startswith("the mail cannot be sent: ")


def sensors_of(home):
    return {sensor.name: sensor for sensor in build_defs(home).sensors}


def test_the_sensors_run_only_if_somebody_wants_alerts(home):
    assert sensors_of(home)["failure_alerts"].default_status is dg.DefaultSensorStatus.STOPPED
    home.settings.write_text("[alerts]\nmail_to = 'me@example.org'\n")
    for name in ("failure_alerts", "staleness_alerts"):
        assert sensors_of(home)[name].default_status is dg.DefaultSensorStatus.RUNNING


def test_a_failed_run_is_reported_with_its_step_and_reason(home):
    @dg.op
    def verdicts():
        raise dg.Failure("rules.toml: rule.x: \x1b[31m no", allow_retries=False)

    @dg.job
    def refresh_corpus():
        verdicts()

    with dg.DagsterInstance.ephemeral() as instance, webhook() as (address, received):
        home.settings.write_text(f"[alerts]\nwebhook = '{address}'\n")
        result = refresh_corpus.execute_in_process(instance=instance, raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            "failure_alerts", result.get_run_failure_event(), instance, result.dagster_run
        ).for_run_failure()
        sensors_of(home)["failure_alerts"](context)
    (body,) = received
    assert (body["title"], body["job"], body["run_id"]) == ("refresh_corpus failed", "refresh_corpus", result.run_id)
    assert body["text"].startswith("verdicts: rules.toml: rule.x: ") and "\x1b" not in body["text"]


def test_files_that_no_run_reads_are_reported_once(home, monkeypatch):
    now = 1_000_000.0
    monkeypatch.setattr(alert_sensors.time, "time", lambda: now)
    cursor = None
    with dg.DagsterInstance.ephemeral() as instance, webhook() as (address, received):
        home.settings.write_text(f"[alerts]\nwebhook = '{address}'\n")
        sensor = sensors_of(home)["staleness_alerts"]
        for seconds, count in ((0, 0), (MAX_INBOX_SECONDS - 5, 0), (10, 1), (600, 1)):
            now += seconds
            with dg.build_sensor_context(instance, cursor=cursor) as context:
                skipped = sensor(context)
                cursor = context.cursor
            assert skipped.skip_message == "tables out of date"
            assert len(received) == count
    assert received[0]["title"] == "tables out of date"
