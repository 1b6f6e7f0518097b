"""Commands that run the pipeline: run, evaluate."""

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from deepdx_core.home import Home, find_home
from deepdx_pipeline.cli.console import err, out, plain, table

_WIDE = 150


class Part(StrEnum):
    """What a run can do without."""

    TRAINING = "training"
    AUDIO = "audio"


def run(
    without: Annotated[
        list[Part] | None,
        typer.Option("--without", help="Leave out: `training` (model and banks), `audio` (no new sound is rendered)."),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps at most, in place of the default.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other setting of the training, such as `width=64`."),
    ] = None,
) -> None:
    """Bring everything up to date: decode files that are new, and make anew what follows from them."""
    left_out = without or []
    job = "corpus" if Part.TRAINING in left_out else "everything"
    ops: dict[str, Any] = {}
    if job == "everything":
        ops["voice_model"] = {"config": {"settings": _settings(settings or []) | ({"steps": steps} if steps else {})}}
    if Part.AUDIO in left_out:
        ops["audio_features"] = {"config": {"render": False}}
    home = _execute(job, ops)
    out.print(plain(f"Up to date: {home.root}"), soft_wrap=True)


def _settings(given: list[str]) -> dict[str, Any]:
    from deepdx_core.writer.config import WriterConfig

    try:
        found = {name: json.loads(value) for name, _, value in (setting.partition("=") for setting in given)}
        WriterConfig.from_json(json.dumps(found))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from error
    return found


def evaluate(
    seed: Annotated[int, typer.Option(min=0, help="Of what the protocol draws.")] = 0,
    without_audio: Annotated[bool, typer.Option("--without-audio", help="Nothing is rendered.")] = False,
    gan_steps: Annotated[
        int | None, typer.Option(min=1, help="Training steps of the GAN beside it, in place of the default.")
    ] = None,
) -> None:
    """Judge the trained model by the protocol, beside real voices and baselines, on families it has never seen."""
    import polars as pl

    from deepdx_core.tables.storage import Tables

    protocol: dict[str, Any] = {"seed": seed, "render": not without_audio}
    if gan_steps:
        protocol["gan_steps"] = gan_steps
    home = _execute("evaluation", {"model_evaluation": {"config": protocol}})
    rows = Tables(home).read("model_evaluation")
    measures = [name for name in rows.columns[3:] if not name.endswith("_error")]
    shown = table("measure", *(f">{name}" for name in rows["generator"]))
    shown.columns[0].no_wrap = True
    for name in measures:
        values = rows[name].cast(pl.Float64).to_list()
        shown.add_row(name, *("" if value is None else f"{value:,.3f}".rstrip("0").rstrip(".") for value in values))
    out.print(shown, width=max(out.width, _WIDE), soft_wrap=True)  # on a narrow terminal, headings would be cut
    about = "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'model_evaluation'"
    out.print(f'What each measure is: deepdx sql "{about}"', style="dim", soft_wrap=True, highlight=False)


def _execute(job: str, ops: dict[str, Any]) -> Home:
    """Run a job on the home folder in this process, and show how it goes; if it fails, so does the command.

    What the user wrote is read and checked before anything else.
    """
    from deepdx_core.configuration import check_configuration

    home = find_home()
    check_configuration(home)

    from deepdx_pipeline.cli.progress import Watcher
    from deepdx_pipeline.definitions import build_defs
    from deepdx_pipeline.instance import PROCESS_TAGS, open_instance, storage_errors

    home.inbox.mkdir(parents=True, exist_ok=True)
    instance = open_instance(home)
    with storage_errors(home), Watcher() as watcher:
        defs = build_defs(home, watcher.report, watcher.logger())
        result = defs.resolve_job_def(job).execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags=PROCESS_TAGS,
            run_config={"loggers": {"console": {}}, "ops": ops},
        )
    if watcher.interrupted:
        err.print("Stopped. The next `deepdx run` takes up where this one was.")
        raise typer.Exit(130)
    if not result.success:
        told = f"The run failed; nothing that was there before is lost. `deepdx ui` shows it: {result.run_id}"
        err.print(plain(told), soft_wrap=True)
        raise typer.Exit(1)
    return home
