"""The user's own files, checked the way a run reads them, so that errors show before the run."""

from contextlib import suppress

import numpy as np
import polars as pl

from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.dedup.exact import unique_sounds
from deepdx_core.dedup.repair import RepairSettings
from deepdx_core.home import Home
from deepdx_core.judges.store import require_judges
from deepdx_core.labels.taxonomy import find_taxonomy
from deepdx_core.overrides import read_overrides
from deepdx_core.quality.measures import measure_sounds
from deepdx_core.quality.rules import load_rules
from deepdx_core.quality.verdicts import decide_verdicts, require_consistent
from deepdx_core.sound.audio_features import summarize_by_sound
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.tables.curation import VERDICTS, UniqueVoices
from deepdx_core.tables.storage import DamagedTableError, MissingTableError, Tables
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES

_RENDERED = {
    **{"peak_db": 0.0, "silent": False, "loudness_db": -6.02, "attack_seconds": 0.0, "decay_seconds": 1.25},
    **{"sustain_db": -0.11, "release_seconds": 0.02, "rest_db": -100.0, "sounds_at_rest": False},
    **{"brightness_hz": 261.63, "harshness": 8.1e-7, "flatness": 2.3e-8, "harmonicity": 0.999998, "pitch_hz": 261.62},
}
"""Audio features of INIT VOICE with a decay."""


def check_configuration(home: Home) -> None:
    """Read rules.toml, taxonomy.toml, verdicts.csv and labels.csv, and evaluate every rule on a few sounds.

    Raises RulesError, TaxonomyError, OverridesError or JudgeError, which name the file, the place in it and the reason.
    """
    read_overrides(home.labels, "category", find_taxonomy(home.taxonomy).categories)
    verdicts = read_overrides(home.verdicts, "verdict", VERDICTS)
    rules = load_rules(home.rules)
    require_judges(home, rules.judges.model_dump())
    decide_verdicts(_example_sounds(rules.repair), rules.rules, verdicts.clear())
    known = UniqueVoices.create_empty().select("sound_id", "in_range")
    with suppress(MissingTableError, DamagedTableError):  # the run writes it
        known = Tables(home).read("unique_voices", known.columns)
    require_consistent(verdicts, known)


def _example_sounds(repair: RepairSettings) -> pl.DataFrame:
    """Return measures of made-up sounds, for expressions that only fail on values, such as casts.

    The sounds are in range, at both ends of it, repairable or beyond repair; rare or common; rendered or not.
    """
    repairable = INIT_VOICE.copy()
    repairable[INDEX["op1_output_level"]] = 102
    parameters = np.stack([INIT_VOICE, MAXIMA, np.zeros_like(MAXIMA), repairable, np.full_like(MAXIMA, 127)])
    slots = pl.DataFrame(parameters, schema=dict.fromkeys(PARAMETER_NAMES, pl.UInt8)).with_columns(
        sha256=pl.lit("0" * 64),
        offset=pl.lit(0, pl.UInt64),
        slot=pl.int_range(1, pl.len() + 1, dtype=pl.UInt16),
        name=pl.lit("INIT VOICE"),
        sound_id=pl.Series(sound_ids(parameters)),
    )
    init = pl.col("sound_id") == slots["sound_id"][0]
    count = pl.when(init).then(100_000).otherwise("slots").cast(pl.UInt32)
    sounds = unique_sounds(slots, repair).with_columns(slots=count, files=count)
    families = sounds.filter("in_range").select("sound_id", family_id="sound_id", family_size="slots")
    schema = summarize_by_sound(AudioFeatures.create_empty()).schema
    audio = pl.DataFrame([{"sound_id": slots["sound_id"][0], **_RENDERED}], schema=schema)
    measured = measure_sounds(sounds, slots, families, audio, None, repair)
    # Loading the judge would take longer than everything else here.
    return measured.with_columns(
        corruption_score=pl.when(init).then(-7.25),
        corruption_model=pl.when(init).then(pl.lit(sound_ids(parameters)[0][:16])),
        stuck_bit=pl.when(init).then(7),
    )
