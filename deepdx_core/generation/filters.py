"""Reasons to reject a written voice: the rules of curation, and its rendered audio."""

import numpy as np
import numpy.typing as npt
import polars as pl

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.evaluation.metrics.audio import NOISY_UNDER
from deepdx_core.quality.measures import measure_sounds
from deepdx_core.quality.rules import Rules
from deepdx_core.quality.verdicts import decide_verdicts
from deepdx_core.sound.audio_features import summarize_by_sound
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.tables.decoding import DecodedVoices
from deepdx_core.voice.parameters import PARAMETER_NAMES

Reasons = npt.NDArray[np.object_]
"""A reason per voice, "" for a voice that is not rejected."""

NEVER_ENDS = "never-falls-silent"
"""Rule that only notes a real voice, whose author may have meant it. A generated voice is rejected for it."""

# Created once: it takes as long as applying the rules.
_NO_AUDIO = AudioFeatures.create_empty()
_NO_SLOTS = DecodedVoices.create_empty().select("sha256", "offset", "slot", "sound_id")
_NO_OVERRIDES = pl.DataFrame(schema={"sound_id": pl.String, "verdict": pl.String, "why": pl.String})


def rejection_reasons(
    parameters: UInt8Array, rules: Rules, audio: pl.DataFrame | None, unpitched: BoolArray
) -> Reasons:
    """Return the reason to reject each legal voice, `uint8[n, 145]`: its deciding rule, "noise", or "" for none.

    audio: the voices' rows of `audio_features`, for rules that use them; None to do without. unpitched: `bool[n]`, True
    where a voice may be noise. Raises RulesError.
    """
    voices = pl.DataFrame({"sound_id": sound_ids(parameters), "unpitched": unpitched})
    sounds = (
        pl.DataFrame(parameters, schema=list(PARAMETER_NAMES))
        .with_columns(sound_id=voices["sound_id"], slots=1, files=1, repair=pl.lit(None, pl.String), in_range=True)
        .unique("sound_id", maintain_order=True)
    )
    summary = summarize_by_sound(_NO_AUDIO if audio is None else audio)
    measured = measure_sounds(
        sounds,
        slots=_NO_SLOTS,
        families=sounds.select("sound_id", family_id="sound_id", family_size=1),
        audio=summary,
        judge=None,  # the critic is the judge of written voices
        settings=rules.repair,
    )
    rejected = decide_verdicts(measured, rules.rules, _NO_OVERRIDES).select(
        "sound_id",
        deciding=pl.col("findings")
        .list.filter((pl.element().struct["severity"] != "note") | (pl.element().struct["rule"] == NEVER_ENDS))
        .list.first()
        .struct["rule"],
    )
    found = voices.join(rejected, on="sound_id", maintain_order="left").join(summary, on="sound_id", how="left")
    noise = ~pl.col("unpitched") & (pl.col("harmonicity") < NOISY_UNDER)
    reasons = pl.coalesce("deciding", pl.when(noise).then(pl.lit("noise")), pl.lit(""))
    return found.select(reasons).to_series().to_numpy().astype(object)
