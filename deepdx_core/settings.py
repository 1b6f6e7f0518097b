"""The user's settings: `deepdx.toml` in the home folder, and environment variables over it.

Read by hand rather than by pydantic-settings, which merges all sources before it validates: an error could not say
whether a value came from the file or from a variable.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import BaseModel, Field, TypeAdapter, field_validator

from deepdx_core.display import printable
from deepdx_core.documents import StrictModel, first_error, read_toml
from deepdx_core.errors import DeepDXError
from deepdx_core.gan.config import GanConfig
from deepdx_core.tables.generator import Kind
from deepdx_core.writer.config import WriterConfig

PREFIX = "DEEPDX_"
"""Beginning of the variables: the key `port` of `[ui]` is DEEPDX_UI_PORT."""


class SettingsError(DeepDXError):
    """`deepdx.toml` or a variable is not valid. The message names it, the key and the reason."""


class RunSettings(StrictModel):
    """Runs, however they are started."""

    audio: bool = Field(
        default=True, description="Render new sounds. Otherwise verdicts and families go by parameters alone."
    )
    folders: bool = Field(default=True, description="Use names of files and folders as weak evidence for labels.")
    converted: bool = Field(
        default=False, description="Put voices converted from other synths into splits and the training set, too."
    )
    backups: int = Field(
        default=10, ge=1, le=1000, description="Number of automatic backups of the state that are kept."
    )


class TrainingSettings(WriterConfig):
    """Training of models: the kind, and the settings of a writer. Those of a GAN are in `[gan]`."""

    model: Kind = Field(
        default="writer",
        description="Kind of model: `writer` writes each voice from a voice of the corpus, `gan` makes it from noise, "
        "as the blog's.",
    )


class BankSettings(StrictModel):
    """The banks that a run generates for each label."""

    seed: int = Field(default=0, ge=0, description="Seed; the same seed gives the same banks.")
    temperature: float = Field(
        default=1.0, ge=0.05, le=5, description="Below 1 favors likely values, above 1 unlikely ones."
    )
    novelty: float = Field(
        default=1.0,
        gt=0,
        description="Distance of a voice from its parent, relative to the distances between real voices.",
    )
    choices: int = Field(default=4, ge=1, le=256, description="Number of candidates per voice; the critic chooses one.")
    by_ear: bool = Field(default=True, description="Render candidates, and reject the silent, endless and noisy ones.")


class UISettings(StrictModel):
    """`deepdx ui`."""

    host: str = Field(
        default="127.0.0.1", description="Address to listen on; 0.0.0.0 serves all machines, without a password."
    )
    port: int = Field(default=3000, ge=1, le=65535, description="Port to listen on.")
    allow_hosts: list[str] = Field(default_factory=list, description="Other host names that browsers may use.")
    sensor_seconds: int = Field(
        default=5, ge=1, le=86_400, description="Seconds between looks at the inbox and your files."
    )
    settle_seconds: float = Field(
        default=2.0, ge=0, le=3600, description="Seconds that a file must not have changed before a run begins."
    )
    retraining: bool = Field(
        default=True, description="Retrain on the schedule below, if the training set has changed."
    )
    retraining_cron: str = Field(default="0 4 * * 1", description="Time of the retraining, as a cron expression.")
    retraining_timezone: str = Field(
        default="UTC", description="Time zone of the cron expression, such as Europe/Berlin."
    )

    @field_validator("retraining_cron")
    @classmethod
    def _is_cron(cls, text: str) -> str:
        if len(text.split()) != 5:
            raise ValueError("must have five fields: minute, hour, day of the month, month, day of the week")
        return text

    @field_validator("retraining_timezone")
    @classmethod
    def _is_time_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("is not a time zone")
        return name


class SQLSettings(StrictModel):
    """`deepdx sql`."""

    memory_gb: float = Field(default=2.0, ge=0.1, le=1024, description="Memory that a query may use, in GB.")
    timeout: float = Field(default=300.0, ge=0.1, description="Seconds before a query is stopped.")


class AlertSettings(StrictModel):
    """Messages about failed runs and stale data, sent while the UI runs."""

    webhook: str = Field(
        default="", description="Address that receives alerts as JSON by POST: https, or http to localhost."
    )
    mail_to: str = Field(default="", description="Address that receives each alert as a mail.")
    mail_from: str = Field(default="", description="Sender of the mails; by default, `mail_to`.")
    smtp_host: str = Field(default="localhost", description="Mail server.")
    smtp_port: int = Field(
        default=25, ge=1, le=65535, description="Port of the mail server; 465 is TLS, others use STARTTLS if offered."
    )
    smtp_user: str = Field(
        default="", description="User at the mail server; its password is the variable DEEPDX_SMTP_PASSWORD."
    )

    @field_validator("webhook")
    @classmethod
    def _is_safe(cls, address: str) -> str:
        url = urlsplit(address)
        local = url.scheme == "http" and url.hostname in ("localhost", "127.0.0.1", "::1")
        if address and not local and not (url.scheme == "https" and url.hostname):
            raise ValueError("must begin with https://, or http://localhost")
        return address


class Settings(StrictModel):
    """All settings, by section."""

    run: RunSettings = RunSettings()
    training: TrainingSettings = TrainingSettings()
    gan: GanConfig = GanConfig()
    banks: BankSettings = BankSettings()
    ui: UISettings = UISettings()
    sql: SQLSettings = SQLSettings()
    alerts: AlertSettings = AlertSettings()


def load_settings(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings in a file, which need not exist, and in variables, which win. Raises SettingsError."""
    try:
        document = read_toml(path) or {}
        Settings.model_validate(document)
    except ValueError as error:
        raise SettingsError(f"{printable(str(path))}: {first_error(error)}") from error
    for name, section, key, annotation in _variables():
        if (text := environment.get(name)) is None:
            continue
        try:
            value = text.split(",") if annotation == list[str] else TypeAdapter(annotation).validate_strings(text)
            document[section] = document.get(section, {}) | {key: value}
            Settings.model_validate(document)
        except ValueError as error:
            reason = first_error(error).removeprefix(f"{section}.{key}: ")
            raise SettingsError(f"{name}: {reason}") from error
    return Settings.model_validate(document)


def variables_set(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names of the variables that are set."""
    return [name for name, *_ in _variables() if name in environment]


def _variables() -> Iterator[tuple[str, str, str, Any]]:
    """Yield name, section, key and type of each variable."""
    for section, model in SECTIONS.items():
        for key, field in model.model_fields.items():
            yield variable(section, key), section, key, field.annotation


def variable(section: str, key: str) -> str:
    """Return the name of the variable of a key."""
    return f"{PREFIX}{section}_{key}".upper()


SECTIONS: Mapping[str, type[BaseModel]] = {name: type(field.default) for name, field in Settings.model_fields.items()}
"""The model of each section."""
