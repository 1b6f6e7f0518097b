"""The category and verdict of voices outside of any corpus, by the same judges, rules and overrides as in a run.

Sounds are not rendered, and have no families.
"""

import polars as pl

from deepdx_core.dedup.exact import unique_sounds
from deepdx_core.home import Home
from deepdx_core.judges.store import load_judge
from deepdx_core.labels.combination import combine_evidence
from deepdx_core.labels.sounds import label_sounds
from deepdx_core.labels.taxonomy import Taxonomy
from deepdx_core.overrides import read_overrides
from deepdx_core.quality.measures import measure_sounds
from deepdx_core.quality.rules import load_rules
from deepdx_core.quality.verdicts import decide_verdicts
from deepdx_core.sound.audio_features import summarize_by_sound
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.tables.curation import VERDICTS, Families
from deepdx_core.voice.parameters import PARAMETER_NAMES


def find_categories(voices: pl.DataFrame, home: Home, taxonomy: Taxonomy) -> pl.Series:
    """Return the category of each voice, by the names of its sound, its files and parameters, and the user's labels.

    voices: from `make_writable`. Raises the errors of the files of the home: RulesError, OverridesError, JudgeError.
    """
    rules = load_rules(home.rules)
    evidence = combine_evidence(
        unique_sounds(_slots(voices), rules.repair),
        Families.create_empty(),
        taxonomy,
        load_judge(home, "labels", rules.judges.labels),
        places=voices.select(
            "sound_id", place=pl.concat_str("path", "member", separator="/", ignore_nulls=True)
        ).unique(),
        overrides=read_overrides(home.labels, "category", taxonomy.categories),
    )
    return _of_voices(voices, label_sounds(evidence), "category")


def find_verdicts(voices: pl.DataFrame, home: Home) -> pl.Series:
    """Return the verdict on each voice, by the rules that need no rendering and no other voices, and by the user's.

    voices: from `make_writable`. Raises the errors of the files of the home: RulesError, OverridesError.
    """
    rules, slots = load_rules(home.rules), _slots(voices)
    families = Families.create_empty().select("sound_id", "family_id", "family_size")
    audio = summarize_by_sound(AudioFeatures.create_empty())
    measured = measure_sounds(unique_sounds(slots, rules.repair), slots, families, audio, None, rules.repair)
    verdicts = decide_verdicts(measured, rules.rules, read_overrides(home.verdicts, "verdict", VERDICTS))
    return _of_voices(voices, verdicts, "verdict")


def _slots(voices: pl.DataFrame) -> pl.DataFrame:
    """Return voices as slots of `decoded_voices`. The path stands for the content of a file."""
    return voices.select(
        "sound_id", "name", "slot", *PARAMETER_NAMES, sha256="path", offset=pl.col("offset").fill_null(0)
    )


def _of_voices(voices: pl.DataFrame, sounds: pl.DataFrame, column: str) -> pl.Series:
    return voices.select("sound_id").join(sounds, on="sound_id", how="left", maintain_order="left")[column]
