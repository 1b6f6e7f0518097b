"""Training of both judges on the tables of a home."""

import polars as pl

from deepdx_core.home import Home
from deepdx_core.judges.judge import Judge
from deepdx_core.judging.corruption import train_corruption_judge
from deepdx_core.judging.labels import train_label_judge
from deepdx_core.labels.taxonomy import find_taxonomy
from deepdx_core.overrides import read_overrides
from deepdx_core.progress import Report, silent
from deepdx_core.quality.measures import measure_sounds
from deepdx_core.quality.rules import load_rules
from deepdx_core.quality.verdicts import decide_verdicts
from deepdx_core.sound.audio_features import summarize_by_sound
from deepdx_core.tables.curation import VERDICTS
from deepdx_core.tables.storage import Tables


def train_judges(home: Home, data: str, date: str, report: Report = silent) -> tuple[Judge, Judge]:
    """Train a judge of corruption on the DX7 sounds of a home, and one of labels on those that are valid by the former.

    The user's rules, taxonomy, verdicts and labels count. data, date: for the cards. Raises MissingTableError before
    the first run, and DeepDXError if there is too little to train on.
    """
    tables = Tables(home)
    rules, taxonomy = load_rules(home.rules), find_taxonomy(home.taxonomy)
    families = tables.read("families", ["sound_id", "family_id", "family_size"])
    sounds = tables.read("unique_voices").filter(~pl.col("converted"))
    known = sounds.join(families.select("sound_id", "family_id"), on="sound_id")
    corruption = train_corruption_judge(known, data, date, report)
    measured = measure_sounds(
        sounds,
        tables.read("decoded_voices", ["sha256", "offset", "slot", "sound_id"]),
        families,
        summarize_by_sound(tables.read("audio_features")),
        corruption,
        rules.repair,
    )
    verdicts = decide_verdicts(measured, rules.rules, read_overrides(home.verdicts, "verdict", VERDICTS))
    valid = known.join(verdicts.filter(pl.col("verdict") == "valid"), on="sound_id", how="semi")
    overrides = read_overrides(home.labels, "category", taxonomy.categories)
    return corruption, train_label_judge(valid, overrides, taxonomy, data, date, report)
