"""Orders: the job that generates a bank by the wishes of a user, like the command `deepdx generate`."""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from deepdx_core.display import printable
from deepdx_core.generation.orders import Order
from deepdx_pipeline.defs.generator import bank_file_names
from deepdx_pipeline.plots import Plots
from deepdx_pipeline.progress import log_progress
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.tables import markdown_table

GENERATE_BANK, _OP = "generate_bank", "order"


class OrderConfig(dg.Config, Order):
    """Configuration of `generate_bank`."""

    output: str = Field(
        default="",
        description="Name of the file in the folder `banks` of the home, such as new.syx. By default, by label and "
        "seed. More than 32 voices fill several numbered files.",
    )
    overwrite: bool = Field(default=False, description="Overwrite existing files.")


@dg.op(
    name=_OP,
    description="New voices by the champion, as banks for a DX7 in the folder `banks` of the home.",
    tags={"dagster/kind/sysex": ""},
)
def generate_bank_op(context: dg.OpExecutionContext, config: OrderConfig, home: HomeResource) -> list[str]:
    """Fill an order and write its banks. Return their paths."""
    from deepdx_core.files import output_target, write_outputs
    from deepdx_core.generation.fulfillment import fill_order
    from deepdx_core.voice.parameters import VMEM_VOICES
    from deepdx_pipeline.bank_report import rejections_table, sheet, voices_table
    from deepdx_pipeline.cli.console import numbered_paths

    order = Order(**config.model_dump(exclude={"output", "overwrite"}))
    name = _file_name(config)
    home.paths.banks.mkdir(parents=True, exist_ok=True)
    count = -(-order.count // VMEM_VOICES)
    bank = home.paths.banks / name
    paths = [bank] if count == 1 else numbered_paths(bank, count)
    for path in paths:
        output_target(path, config.overwrite)
    delivered = fill_order(home.paths, order, log_progress(context.log))
    write_outputs(dict(zip(paths, delivered.banks, strict=True)), config.overwrite)
    first = slice(0, VMEM_VOICES)
    metadata: dict[str, Any] = {
        "files": ", ".join(path.name for path in paths),
        "path": dg.MetadataValue.path(paths[0]),
        "voices": markdown_table(voices_table(delivered.names, delivered.parameters, delivered.realness)),
        "rejected": markdown_table(rejections_table(delivered.rejected)),
        **sheet(
            Plots(home.paths.plots / GENERATE_BANK),
            paths[0].stem,
            delivered.names[first],
            delivered.parameters[first],
            printable(paths[0].name),
        ),
    }
    context.log_event(
        dg.AssetObservation("generated_banks", description="A bank by the job generate_bank.", metadata=metadata)
    )
    context.add_output_metadata(metadata)
    return [str(path) for path in paths]


def _file_name(config: OrderConfig) -> str:
    """Return the name of the file to write. Raises dg.Failure if it is not a plain name that ends in .syx."""
    if not config.output:
        label = config.label or (
            "variations" if config.like else "children" if config.parents else "steps" if config.between else "mixed"
        )
        (name,) = bank_file_names([f"{label} seed {config.seed}"])
        return name.replace(" ", "-")
    if not config.output.lower().endswith(".syx") or Path(config.output).name != config.output or "\0" in config.output:
        reason = f"output: {config.output!r} is not a plain file name that ends in .syx"
        raise dg.Failure(reason, allow_retries=False)
    return config.output


@dg.job(
    name=GENERATE_BANK,
    description="Generate a bank: by label, algorithm and novelty, like a voice, between two, or bred from several.",
    config={"ops": {_OP: {"config": OrderConfig().model_dump()}}},
)
def generate_bank() -> None:
    """Generate a bank."""
    generate_bank_op()
