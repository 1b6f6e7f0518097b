"""What speaks against a written voice: the rules of curation, and the ear."""

import numpy as np
import numpy.typing as npt
import polars as pl

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.evaluation.metrics.audio import NOISY_UNDER
from deepdx_core.progress import silent
from deepdx_core.quality.measures import measure_sounds
from deepdx_core.quality.rules import Rules
from deepdx_core.quality.verdicts import decide_verdicts
from deepdx_core.sound.audio_features import compute_voice_features, summarize_by_sound
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.tables.curation import CorruptionTrainingSet
from deepdx_core.tables.decoding import DecodedVoices
from deepdx_core.voice.parameters import PARAMETER_NAMES

Reasons = npt.NDArray[np.object_]
"""Why each voice is out, "" where nothing speaks against it."""

NEVER_ENDS = "never-falls-silent"
"""The rule that finds it; a note for a voice that somebody made so, and a fault in one that nobody did."""

# Made once: it takes as long as to ask the rules.
_NOTHING_HEARD = AudioFeatures.create_empty()
_NO_SLOTS = DecodedVoices.create_empty().select("sha256", "offset", "slot", "sound_id")
_NOT_TAUGHT = CorruptionTrainingSet.create_empty()
_NOTHING_SAID = pl.DataFrame(schema={"sound_id": pl.String, "verdict": pl.String, "why": pl.String})


def rejection_reasons(parameters: UInt8Array, rules: Rules, by_ear: bool, may_be_noise: BoolArray) -> Reasons:
    """What speaks against legal voices, `uint8[n, 145]`: the rule that decides over them, or "noise".

    by_ear: they are rendered, so that rules can ask for what is heard. may_be_noise: `bool[n]`, those that need no
    pitch. Raises NoRendererError where dexed-py is not installed, and RulesError.
    """
    places = pl.DataFrame({"sound_id": sound_ids(parameters), "may_be_noise": may_be_noise})
    sounds = (
        pl.DataFrame(parameters, schema=list(PARAMETER_NAMES))
        .with_columns(sound_id=places["sound_id"], slots=1, files=1, repair=pl.lit(None, pl.String), in_range=True)
        .unique("sound_id", maintain_order=True)
    )
    heard = summarize_by_sound(compute_voice_features(parameters, _NOTHING_HEARD, silent) if by_ear else _NOTHING_HEARD)
    measured = measure_sounds(
        sounds,
        slots=_NO_SLOTS,
        families=sounds.select("sound_id", family_id="sound_id", family_size=1),
        audio=heard,
        training_set=_NOT_TAUGHT,
        settings=rules.repair,
    )
    found = decide_verdicts(measured, rules.rules, _NOTHING_SAID).select(
        "sound_id",
        deciding=pl.col("findings")
        .list.filter((pl.element().struct["severity"] != "note") | (pl.element().struct["rule"] == NEVER_ENDS))
        .list.first()
        .struct["rule"],
    )
    told = places.join(found, on="sound_id", maintain_order="left").join(heard, on="sound_id", how="left")
    noise = ~pl.col("may_be_noise") & (pl.col("harmonicity") < NOISY_UNDER)
    reasons = pl.coalesce("deciding", pl.when(noise).then(pl.lit("noise")), pl.lit(""))
    return told.select(reasons).to_series().to_numpy().astype(object)
