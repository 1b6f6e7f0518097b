"""Reference pages in Markdown, generated from the code so that they cannot go stale."""

import inspect
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import typer.core

import deepdx_core
from deepdx_core.database.build import build_database
from deepdx_core.home import Home
from deepdx_core.labels.taxonomy import load_taxonomy
from deepdx_core.quality.rules import load_rules
from deepdx_core.settings import SECTIONS, variable
from deepdx_core.synths.kinds import KINDS
from deepdx_core.synths.layouts import Field
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES, PARAMETERS, Parameter
from deepdx_pipeline.cli.app import app


def rooms() -> str:
    """The list of rooms in the docstring of `deepdx_core`."""
    assert deepdx_core.__doc__
    _, _, listed = deepdx_core.__doc__.partition("Rooms, from the ground up")
    return "\n".join(re.sub(r"` {2,}", "`: ", line) for line in listed.splitlines() if line.startswith("- "))


def commands() -> str:
    """Every command with its arguments and options."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    lines = ["# Commands", "Generated from the command's own help, which `deepdx COMMAND --help` shows."]
    for name, command in _flat(group):
        usage = command.collect_usage_pieces(typer.Context(command))
        lines += [
            f"## deepdx {name} {{#{name.replace(' ', '-')}}}",
            _escaped(inspect.cleandoc(command.help or "")),
            f"```text\ndeepdx {name} {' '.join(usage)}\n```",
        ]
        if command.params:
            lines.append(_table(("option", "meaning"), map(_option, command.params)))
    return "\n\n".join(lines)


def _flat(group: typer.core.TyperGroup) -> Iterator[tuple[str, Any]]:
    """Yield the commands of a group, and those of the groups in it under both names."""
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from ((f"{name} {own}", one) for own, one in _flat(command))
        else:
            yield name, command


def _option(option: object) -> tuple[str, ...]:
    assert isinstance(option, typer.core.TyperArgument | typer.core.TyperOption)
    about = option.help or ""
    if isinstance(option, typer.core.TyperArgument):
        return _code(option.metavar or str(option.name)), _escaped(about)
    if isinstance(option.show_default, str):
        about += f" Default: {option.show_default}."
    elif option.default not in (None, False) and not option.is_flag:
        about += f" Default: {option.default}."
    return ", ".join(map(_code, [*option.opts, *option.secondary_opts])), _escaped(about)


def tables() -> str:
    """Every table and view with its columns, from the comments in an empty corpus.duckdb."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        order = build_database(home.database, Tables(home))
        with duckdb.connect(home.database, read_only=True) as connection:
            relations = connection.execute(
                "SELECT table_name, 'table', comment FROM duckdb_tables() WHERE NOT internal UNION ALL "
                "SELECT view_name, 'view', comment FROM duckdb_views() WHERE NOT internal"
            ).fetchall()
            columns = connection.execute(
                "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal "
                "ORDER BY column_index"
            ).fetchall()
    lines = [
        "# Tables and views",
        "Generated from the comments in `corpus.duckdb`, which come from `deepdx_core/tables` and "
        "`deepdx_core/database/views.py`. The [145 parameters](parameters.md) are one row here.",
    ]
    for name, kind, comment in sorted(relations, key=lambda relation: order.index(relation[0])):
        own = [row[1:] for row in columns if row[0] == name]
        rows = [(_code(column), _code(type_), _escaped(about)) for column, type_, about in own if column not in _MANY]
        if len(rows) < len(own):
            rows.append(("[the 145 parameters](parameters.md)", "`UTINYINT`", "values as in a dump"))
        lines += [
            f"## {name} {{#{name}}}",
            f"A {kind}: {_escaped(comment)}",
            _table(("column", "type", "meaning"), rows),
        ]
    return "\n\n".join(lines)


_MANY = frozenset(PARAMETER_NAMES)


def parameters() -> str:
    """The parameter table."""
    rows = [
        (str(offset), _code(p.name), f"0 to {p.maximum}", str(p.default), _packed_at(p), _escaped(p.description))
        for offset, p in enumerate(PARAMETERS)
    ]
    about = (
        "Generated from `deepdx_core/voice/parameters.py`, the one table that codec, schemas, checks and models derive "
        "from. VCED is the offset in an unpacked voice of 155 bytes, VMEM the byte and bits in a packed voice of 128."
    )
    return "\n\n".join(
        ["# Parameters", about, _table(("VCED", "name", "range", "INIT VOICE", "VMEM", "meaning"), rows)]
    )


def other_parameters() -> str:
    """The parameter tables of the other Yamahas."""
    lines = [
        "# Other parameters",
        "Generated from the tables in `deepdx_core/synths`, from which one codec reads and writes the messages of "
        "[other synths](../other-synths.md). Values are raw, as stored. Of operators, elements, parts and keys, one is "
        "shown. Bytes count from 0, after the header of a message and its classification.",
    ]
    for kind in KINDS:
        if kind.layout is None or kind.id in _LIKE_OTHERS:
            continue
        rows = [
            (_code(f.name), f"{f.minimum} to {f.maximum}", _stored_at(f), _escaped(f.description))
            for f in kind.layout.fields
            if not _REPEATED.search(f.name)
        ]
        about = f"{kind.layout.size} bytes. `{kind.start.decode('latin-1').strip()}`" if kind.start[:1] == b"L" else ""
        lines += [
            f"## {kind.title} {{#{kind.id}}}",
            about or f"{kind.layout.size} bytes.",
            _table(("name", "raw range", "byte", "meaning"), rows),
        ]
    return "\n\n".join(lines)


_LIKE_OTHERS = {
    *(f"sy77-{mode}" for mode in range(11) if mode != 3),
    *(f"reface-op{n}" for n in (2, 3, 4)),
    *(
        "fb01-user-bank",
        "dx7ii-performance",
        "microtuning-m",
        "aced",
        "aced2",
        "aced3",
        "efeds",
        "4op-voice",
        "dx7ii-aced",
    ),
}
"""Kinds whose fields are those of another kind, in another number or place."""

_REPEATED = re.compile(r"op[2-6]_|part[2-8]_|key[1-9]|_byte_[1-9]|filter_2|_point_([2-9]|[1-4]\d)$")


def _stored_at(f: Field) -> str:
    if f.wide:
        return f"{f.byte} and {f.byte + 1}"
    whole = (f.shift, f.bits) in ((0, 7), (0, 8))
    return (
        str(f.byte)
        if whole
        else f"{f.byte}, bits {f.shift} to {f.shift + f.bits - 1}"
        if f.bits > 1
        else f"{f.byte}, bit {f.shift}"
    )


def _packed_at(p: Parameter) -> str:
    bits = {7: "", 1: f", bit {p.shift}"}.get(p.bits, f", bits {p.shift} to {p.shift + p.bits - 1}")
    return f"{p.vmem}{bits}"


def rules() -> str:
    """The rules of curation, and the comment that explains their file."""
    text = (resources.files("deepdx_core.quality") / "rules.toml").read_text(encoding="utf-8")
    comment = "\n".join(line[2:] for line in text.partition("\n\n")[0].splitlines())
    known = load_rules()
    rows = [
        (_code(rule.id), rule.verdict, _code(rule.when), _escaped(rule.reason), _escaped(rule.source))
        for rule in known.rules
    ]
    return "\n\n".join(
        [
            "# Rules",
            "Generated from `deepdx_core/quality/rules.toml`. How to change them: [Curation](../curation.md#rules).",
            _table(("rule", "verdict", "when", "reason", "source"), rows),
            f"Repairs: voices with at most {known.repair.most_parameters} parameters out of range, values at most "
            f"{known.repair.margin} over a maximum of 99.",
            "## The file",
            f"```text\n{comment}\n```",
        ]
    )


def categories() -> str:
    """Categories by label."""
    taxonomy = load_taxonomy()
    by_label: dict[str, list[str]] = {label: [] for label in taxonomy.labels}
    for category, label in taxonomy.label_of.items():
        by_label[label].append(category)
    about = (
        "Generated from `deepdx_core/labels/taxonomy.toml`, which also has the words that name a category. How a voice "
        "gets its category: [Labels](../labels.md)."
    )
    rows = [(label, ", ".join(map(_code, names))) for label, names in by_label.items()]
    return "\n\n".join(["# Labels and categories", about, _table(("label", "categories"), rows)])


def settings() -> str:
    """Settings of deepdx.toml, by section."""
    lines = [
        "# Settings",
        "Generated from `deepdx_core/settings.py` and `deepdx_core/writer/config.py`. They stand in `deepdx.toml` in "
        "the [home folder](../operations.md#settings), and environment variables win over them. `deepdx run --set "
        "NAME=VALUE` sets any of `[training]`, and `--steps` its `steps`; in the Dagster UI they are in the launchpad "
        "of `voice_model`.",
    ]
    for section, model in SECTIONS.items():
        rows = [
            (
                _code(name),
                _code(json.dumps(field.get_default(call_default_factory=True))),
                _escaped(field.description or ""),
                _code(variable(section, name)),
            )
            for name, field in model.model_fields.items()
        ]
        lines += [f"## [{section}] {{#{section}}}", _table(("key", "default", "meaning", "variable"), rows)]
    return "\n\n".join(lines)


PAGES = {
    "commands.md": commands,
    "tables.md": tables,
    "parameters.md": parameters,
    "other-parameters.md": other_parameters,
    "rules.md": rules,
    "categories.md": categories,
    "settings.md": settings,
}
"""Each page by its name below `reference/`."""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ("---",) * len(head), *rows])


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _escaped(text: str) -> str:
    """Return text on one line, with all markup escaped except code in backticks."""
    parts = " ".join(text.split()).split("`")
    parts[::2] = [re.sub(r"([*_|\[\]])", r"\\\1", part).replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)
