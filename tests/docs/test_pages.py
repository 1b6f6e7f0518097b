"""Pages are not stale: links lead somewhere, commands and options exist, generated pages are complete."""

import importlib.util
import re
import shlex
import tomllib

import pytest
import typer.main
from mkdocs.exceptions import PluginError

from deepdx_core.database.macros import MACROS
from deepdx_core.database.views import VIEWS
from deepdx_core.quality.rules import load_rules
from deepdx_core.settings import SECTIONS, load_settings
from deepdx_core.tables.schemas import TABLES
from deepdx_core.voice.parameters import PARAMETER_NAMES
from deepdx_pipeline.cli.app import app
from deepdx_pipeline.definitions import build_defs
from tests.docs.pages import PAGES, blocks, commands, inline_code
from tests.support.paths import ROOT
from tools.docs import hooks, reference

COMMANDS = typer.main.get_command(app).commands


@pytest.mark.parametrize("page", PAGES)
def test_links_to_files_lead_somewhere(page):
    links = re.findall(r"\]\((?![a-z]+:)([^)#\s]*)(?:#[^)]*)?\)", PAGES[page])
    made = {f"reference/{name}" for name in reference.PAGES}
    missing = {link for link in links if link not in made and not (ROOT / page).parent.joinpath(link).exists()}
    assert not missing


def test_anchors_of_links_into_pages_are_headings():
    for page, anchor in re.findall(r"\]\((docs/[^)#]+)#([^)]+)\)", PAGES["README.md"] + PAGES["CONTRIBUTING.md"]):
        headings = re.findall(r"^#+ (.+)$", PAGES[page], re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, page


def test_the_readme_is_short():
    assert len(PAGES["README.md"].splitlines()) < 200


def options_in(command):
    """Return the name and the options of a command line that begins with `deepdx`."""
    _, name, *arguments = shlex.split(command)
    return name, [argument for argument in arguments if argument.startswith("-")]


@pytest.mark.parametrize(
    ("page", "command"), [(page, code) for page, code in inline_code() if re.match(r"deepdx [a-z]", code)]
)
def test_commands_in_the_text_exist(page, command):
    name, options = options_in(command)
    known = {option for p in COMMANDS[name].params for option in (*p.opts, *p.secondary_opts)} | {"--help"}
    assert set(options) <= known


def test_options_in_the_text_exist():
    known = {option for c in COMMANDS.values() for p in c.params for option in (*p.opts, *p.secondary_opts)}
    found = {match[0] for _, code in inline_code() if (match := re.match(r"--[a-z-]+", code))}
    assert found <= known


def test_modules_in_the_text_exist():
    lines = [*(code for _, code in inline_code()), *commands()]
    modules = {match[1] for line in lines if (match := re.search(r"python -m ([\w.]+)", line))}
    assert {"studies.labels", "studies.generators"} <= modules
    assert all(importlib.util.find_spec(module) for module in modules)


def test_every_command_is_shown_somewhere():
    assert {options_in(command)[0] for command in commands() if command.startswith("deepdx ")} == COMMANDS.keys()


@pytest.mark.parametrize("block", blocks("toml"))
def test_examples_of_rules_are_valid(block, tmp_path):
    (tmp_path / "rules.toml").write_text(block)
    if "rule" not in tomllib.loads(block):
        pytest.skip("not of rules")
    rules = {rule.id: rule for rule in load_rules(tmp_path / "rules.toml").rules}
    assert tomllib.loads(block)["rule"].keys() <= rules.keys()


@pytest.mark.parametrize("block", [block for block in blocks("toml") if "[rule" not in block])
def test_examples_of_settings_are_valid(block, tmp_path):
    (tmp_path / "deepdx.toml").write_text(block)
    assert load_settings(tmp_path / "deepdx.toml", {}) != load_settings(tmp_path / "none.toml", {})


def test_the_list_of_tables_and_views_is_complete():
    table = PAGES["docs/sql.md"].partition("## Tables and views")[2].partition("\n## ")[0]
    named = [
        name for cell in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
    ]
    assert sorted(named) == sorted({"ratings"} | TABLES.keys() | VIEWS.keys())


def test_the_list_of_macros_is_complete():
    section = PAGES["docs/sql.md"].partition("## Macros")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `(.+?)` \|", section, re.MULTILINE)
    assert sorted(listed) == sorted(f"{name}({', '.join(macro.parameters)})" for name, macro in MACROS.items())


def test_generated_pages_are_complete():
    pages = {name.removesuffix(".md"): make() for name, make in reference.PAGES.items()}
    assert all(f"## {name} " in pages["tables"] for name in TABLES.keys() | VIEWS.keys())
    assert "| `corruption_score` | `DOUBLE` |" in pages["tables"]
    assert all(f"| `{name}` |" in pages["parameters"] for name in PARAMETER_NAMES)
    assert "| 116, bits 4 to 6 |" in pages["parameters"]
    assert "| `op1_wave` | 0 to 7 | 80, bits 4 to 6 |" in pages["other-parameters"]
    for synth in ("SY77", "4-operator", "FB-01", "reface DX", "DX7II", "TX802", "TX7/DX5"):
        assert f"## {synth} " in pages["other-parameters"]
    assert all(f"| `{rule.id}` | {rule.verdict} |" in pages["rules"] for rule in load_rules().rules)
    assert all(f"## deepdx {name} " in pages["commands"] for name in COMMANDS)
    assert "| `learning_rate` | `0.0012` | Peak learning rate." in pages["settings"]
    assert "| `port` | `3000` | Port to listen on. | `DEEPDX_UI_PORT` |" in pages["settings"]
    assert all(f"| `{name}` |" in pages["settings"] for model in SECTIONS.values() for name in model.model_fields)
    assert "`electric-piano`" in pages["categories"]


def test_the_drawing_and_the_list_of_rooms_are_complete():
    drawing = (ROOT / "docs" / "architecture.svg").read_text()
    core = ROOT / "deepdx_core"
    found = {path.parent.name for path in core.glob("*/__init__.py")} | {path.stem for path in core.glob("[a-z]*.py")}
    listed = [line for line in reference.rooms().splitlines() if line.startswith("- ")]
    names = [re.findall(r"`(\w+)`", line.partition(":")[0]) for line in listed]
    assert {name for line in names for name in line} == found
    assert {line[0] for line in names if len(line) == 1} <= set(re.findall(r'class="name"[^>]*>(\w+)<', drawing))


def test_the_table_of_assets_has_the_groups_of_the_pipeline():
    section = PAGES["docs/architecture.md"].partition("## Pipeline")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", section, re.MULTILINE)
    named = {(group, asset) for group, cell in rows for asset in re.findall(r"`(\w+)`", cell)}
    specs = build_defs().resolve_all_asset_specs()
    assert named == {(spec.group_name, spec.key.to_user_string()) for spec in specs}


def test_links_to_files_outside_the_site_become_paths():
    rewrite = hooks.rewrite_links
    assert (
        rewrite("[`rules.toml`](../deepdx_core/quality/rules.toml)", "curation.md")
        == "`deepdx_core/quality/rules.toml`"
    )
    assert rewrite("[SQL](sql.md#recipes)", "index.md") == "[SQL](sql.md#recipes)"
    assert rewrite("[SQL](docs/sql.md#recipes)", "contributing.md") == "[SQL](sql.md#recipes)"
    assert rewrite("[Contributing](../CONTRIBUTING.md)", "index.md") == "[Contributing](contributing.md)"
    assert rewrite("[the text](LICENSE)", "contributing.md") == "the text (`LICENSE`)"
    assert rewrite("[Dagster](https://dagster.io)", "index.md") == "[Dagster](https://dagster.io)"
    with pytest.raises(PluginError, match=r"sql\.md: \.\./nothing\.py does not exist"):
        rewrite("[x](../nothing.py)", "sql.md")
