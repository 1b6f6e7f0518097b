"""Alerts: messages to the webhook and the mail address of `deepdx.toml`."""

import os
import smtplib
from dataclasses import asdict, dataclass
from email.message import EmailMessage

import httpx

from deepdx_core.display import printable
from deepdx_core.settings import AlertSettings

PASSWORD = "DEEPDX_SMTP_PASSWORD"  # noqa: S105 - the name of a variable
_SECONDS = 10.0
_TLS_PORT = 465


@dataclass(frozen=True)
class Alert:
    """A message. Names in it come from other people's files: `title` and `text` are printable, on one line each."""

    title: str
    text: str
    home: str
    job: str = ""
    run_id: str = ""


def send_alert(settings: AlertSettings, alert: Alert) -> list[str]:
    """Send an alert wherever the settings say. Return the reasons of failures: an alert never fails anything else."""
    failures = []
    if settings.webhook:
        try:
            # Redirects are not followed: they could lead to another protocol or host.
            answer = httpx.post(settings.webhook, json=asdict(alert), timeout=_SECONDS, follow_redirects=False)
            if not answer.is_success:
                failures.append(f"the webhook answered {answer.status_code}")
        except httpx.HTTPError as error:
            failures.append(f"the webhook cannot be reached: {printable(str(error))}")
    if settings.mail_to:
        try:
            _send_mail(settings, alert)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            failures.append(f"the mail cannot be sent: {printable(str(error))}")
    return failures


def _send_mail(settings: AlertSettings, alert: Alert) -> None:
    message = EmailMessage()
    message["Subject"] = f"Deep DX: {alert.title}"
    message["To"], message["From"] = settings.mail_to, settings.mail_from or settings.mail_to
    message.set_content("\n".join(f"{key}: {value}" for key, value in asdict(alert).items() if value))
    connect = smtplib.SMTP_SSL if settings.smtp_port == _TLS_PORT else smtplib.SMTP
    with connect(settings.smtp_host, settings.smtp_port, timeout=_SECONDS) as server:
        server.ehlo()
        if settings.smtp_port != _TLS_PORT and server.has_extn("starttls"):
            server.starttls()
            server.ehlo()
        if settings.smtp_user:
            server.login(settings.smtp_user, os.environ.get(PASSWORD, ""))
        server.send_message(message)
