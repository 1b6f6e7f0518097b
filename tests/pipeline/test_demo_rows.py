"""Row counts of a run on the demo corpus, compared with `golden/demo_rows.json`.

A change in curation or labels shows in the counts. If it is intended, renew them, and say in the commit why they moved:
DEEPDX_GOLDEN=renew python -m pytest tests/pipeline/test_demo_rows.py -n 0
"""

import json
import os
import shutil

import dagster as dg
import pytest

from deepdx_core.tables.generator import GENERATOR_TABLES
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import Tables
from deepdx_pipeline.definitions import build_defs
from tests.support.paths import DEMO, ROOT

GOLDEN = ROOT / "tests" / "golden" / "demo_rows.json"
RENEW = "DEEPDX_GOLDEN=renew python -m pytest tests/pipeline/test_demo_rows.py -n 0"
COUNTED = {
    "raw_files": "status",
    "unique_voices": "repair",
    "converted_voices": "synth",
    "verdicts": "verdict",
    "labeled_voices": "label",
    "training_splits": "split",
}
"""Columns whose values are counted."""


def count_rows(home):
    """Return the number of rows of each table of the job `corpus`, and of each value of the counted columns."""
    tables = Tables(home)
    rows = {table: tables.read(table) for table in TABLES if table not in GENERATOR_TABLES}
    values = {
        f"{table}.{column}": dict(rows[table][column].drop_nulls().value_counts().sort(column).iter_rows())
        for table, column in COUNTED.items()
    }
    return {"rows": {table: len(found) for table, found in rows.items()}, **values}


@pytest.mark.slow
def test_a_run_on_the_demo_corpus_gives_the_golden_row_counts(home):
    shutil.copytree(DEMO, home.inbox, dirs_exist_ok=True)
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    job = build_defs(home).resolve_job_def("refresh_corpus")
    assert job.execute_in_process(instance=dg.DagsterInstance.ephemeral(), run_config=quiet).success
    found = count_rows(home)
    if os.environ.get("DEEPDX_GOLDEN") == "renew":
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
        return
    assert found == json.loads(GOLDEN.read_text()), f"row counts moved; if that is intended: {RENEW}"
