"""Commands that run the pipeline: run, evaluate."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from deepdx_core.display import printable
from deepdx_core.home import Home, find_home
from deepdx_core.intake.local_files import find_files
from deepdx_pipeline.cli.console import err, out, print_line, table
from deepdx_pipeline.cli.errors import error_message

_MIN_TABLE_WIDTH = 150


class Part(StrEnum):
    """Part of a run that --without skips."""

    TRAINING = "training"
    AUDIO = "audio"


class ModelKind(StrEnum):
    """Kind of a model, as `deepdx_core.training.settings.Kind`."""

    WRITER = "writer"
    GAN = "gan"


def run(
    without: Annotated[
        list[Part] | None,
        typer.Option(
            "--without",
            help="Skip `training` (the model and its banks) or `audio` (rendering of sounds); repeatable.",
        ),
    ] = None,
    model: Annotated[
        ModelKind | None,
        typer.Option(
            help="Kind of model to train: `writer` derives voices from the corpus, `gan` makes them from noise.",
            show_default="`model` in deepdx.toml, or else writer",
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Maximum number of training steps.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Set a training setting, such as `width=64`; repeatable."),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every file again, also those unchanged by size, time and inode.")
    ] = False,
) -> None:
    """Update tables, database, model and banks from the inbox.

    Only new files are read, and only what depends on a change is computed again.
    """
    skipped = without or []
    changes: dict[str, dict[str, Any]] = {}
    if Part.TRAINING in skipped and (model or steps or set_):
        reason = "training is skipped: --model, --steps and --set have no effect"
        raise typer.BadParameter(reason, param_hint="--without")
    if Part.TRAINING not in skipped:
        changes["voice_model"] = _training_changes(model, steps, set_ or [])
    if verify:
        changes["inbox_survey"] = {"verify": True}
    if Part.AUDIO in skipped:
        changes["audio_features"] = {"render": False}
        if Part.TRAINING not in skipped:
            changes["generated_banks"] = {"by_ear": False}
    home = _execute_job("refresh_corpus" if Part.TRAINING in skipped else "everything", changes)
    print_line(f"Up to date: {home.root}")
    if not find_files(home.inbox):
        print_line(f"The inbox is empty: `deepdx add` copies banks into {home.inbox}", "yellow", err)


def _training_changes(model: ModelKind | None, steps: int | None, settings: list[str]) -> dict[str, Any]:
    """Return the changes of the training's configuration, in the form of the asset `voice_model`."""
    from deepdx_core.settings import load_settings

    kind = model.value if model else load_settings(find_home().settings).training.model
    values = _parse_settings(kind, settings) | ({"steps": steps} if steps else {})
    return {"model": kind, "gan": values} if kind == "gan" else {"model": kind, **values}


def _parse_settings(kind: str, settings: list[str]) -> dict[str, Any]:
    from deepdx_core.gan.config import GanConfig
    from deepdx_core.writer.config import WriterConfig

    values: dict[str, Any] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        try:
            values[name] = json.loads(value)
        except ValueError as error:
            reason = f"{printable(setting)}: give NAME=VALUE with a number, true or false, such as width=64"
            raise typer.BadParameter(reason, param_hint="--set") from error
    try:
        (GanConfig if kind == "gan" else WriterConfig).from_json(json.dumps(values))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from error
    return values


def evaluate(
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the evaluation.")] = 0,
    without_audio: Annotated[
        bool, typer.Option("--without-audio", help="Skip the measures that need rendered audio.")
    ] = False,
    gan_steps: Annotated[int | None, typer.Option(min=1, help="Number of training steps of the GAN baseline.")] = None,
) -> None:
    """Evaluate the trained model beside real voices and baselines.

    All are measured on test voices of families that the model has not seen. Takes some minutes.
    """
    import polars as pl

    from deepdx_core.tables.storage import Tables

    config: dict[str, Any] = {"seed": seed, "render": not without_audio}
    if gan_steps:
        config["gan_steps"] = gan_steps
    home = _execute_job("evaluate", {"model_evaluation": config})
    rows = Tables(home).read("model_evaluation")
    measures = [name for name in rows.columns[3:] if not name.endswith("_error")]
    shown = table("measure", *(f">{name}" for name in rows["generator"]))
    shown.columns[0].no_wrap = True
    for name in measures:
        values = rows[name].cast(pl.Float64).to_list()
        shown.add_row(name, *("" if value is None else f"{value:,.3f}".rstrip("0").rstrip(".") for value in values))
    # A narrow terminal would cut the headings.
    out.print(shown, width=max(out.width, _MIN_TABLE_WIDTH), soft_wrap=True)
    about = "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'model_evaluation'"
    print_line(f'Meaning of each measure: deepdx sql "{about}"', "dim")


def _execute_job(job: str, changes: Mapping[str, Mapping[str, Any]]) -> Home:
    """Run a job on the home folder in this process and show its progress. Raises Exit if it fails or is interrupted.

    The user's own files (settings, rules, taxonomy, verdicts, labels) are checked first. changes: by asset, made to
    the job's own configuration, which follows the settings.
    """
    from deepdx_core.settings import load_settings
    from deepdx_pipeline.inputs import check_configuration_if_changed, is_up_to_date

    home = find_home()
    settings = load_settings(home.settings)
    check_configuration_if_changed(home)

    import dagster as dg

    from deepdx_pipeline.cli.progress import RunProgress
    from deepdx_pipeline.definitions import build_defs
    from deepdx_pipeline.defs.jobs import op_configs
    from deepdx_pipeline.defs.sources import SOURCES
    from deepdx_pipeline.instance import PROCESS_TAGS, kept_connections, open_instance, show_in_timeline, storage_errors
    from deepdx_pipeline.progress import redirect_progress

    home.inbox.mkdir(parents=True, exist_ok=True)
    instance = open_instance(home)
    show_in_timeline(instance, job)
    progress = RunProgress()
    try:
        with storage_errors(home), kept_connections(instance), progress, redirect_progress(progress.report):
            definition = build_defs(home, progress.logger()).resolve_job_def(job)
            # The run is recorded all the same, with the sources alone.
            ops = op_configs(settings, job, changes)
            nothing_new = is_up_to_date(home, definition, ops, instance)
            result = definition.execute_in_process(
                instance=instance,
                raise_on_error=False,
                tags=PROCESS_TAGS,
                run_config={"loggers": {"console": {}}, "ops": {} if nothing_new else ops},
                asset_selection=[dg.AssetKey(source) for source in SOURCES] if nothing_new else None,
            )
    except Exception as error:
        if error_message(error) in progress.failures:  # a full disk also keeps Dagster from recording the failed step
            raise typer.Exit(1) from error
        raise
    if progress.interrupted:
        print_line("Stopped. The next `deepdx run` resumes from here.", console=err)
        raise typer.Exit(130)
    if nothing_new and result.success:
        print_line("Nothing has changed.")
    if not result.success:
        print_line(f"The run failed; no existing data was lost. See `deepdx ui`, run {result.run_id}", console=err)
        raise typer.Exit(1)
    return home
