"""The tables of curation: unique sounds, families and verdicts."""

import dataframely as dy
import polars as pl

from deepdx_core.tables.columns import MAX_FINDINGS, description, one_of, parameters, sound_id, voice_name
from deepdx_core.voice.parameters import PARAMETERS

REPAIRS = ("clamped", "as in its twin", "nobody hears it", "as in its kin", "plays alike")
"""Kinds of repair, in the order in which `dedup.repair` tries them."""

VERDICTS = ("valid", "repairable", "empty", "silent", "corrupt")


class UniqueVoices(dy.Schema):
    """A sound: all voices with the same 145 parameters, in range or not. Their names and unused bits may differ.

    A sound that exists only as the repair of one out of range has a row of its own.
    """

    sound_id = sound_id(primary_key=True)
    name = voice_name("name in the most files; blank only if there is no other")
    names = dy.List(dy.String(), min_length=1, metadata=description("all names, the most frequent first"))
    name_counts = dy.List(dy.UInt32(), metadata=description("number of distinct files with each of these names"))
    slots = dy.UInt32(metadata=description("number of slots in distinct files; 0 if it exists only as a repair"))
    files = dy.UInt32(metadata=description("number of distinct files; 0 if it exists only as a repair"))
    converted = dy.Bool(metadata=description("found only as a voice of another synth, never as a DX7 voice"))
    in_range = dy.Bool(metadata=description("every parameter is in its range"))
    repair = one_of(REPAIRS, "how its parameters out of range were repaired, null if they were not", nullable=True)
    repaired_id = dy.String(nullable=True, metadata=description("sound_id after the repair; null without a repair"))
    carriers = dy.List(dy.UInt8(), metadata=description("carriers of its algorithm, as operators 1 to 6"))
    carrier_levels_4 = dy.List(
        dy.UInt8(), metadata=description("envelope level 4 of each carrier; above 0 it may sound with no key pressed")
    )
    locals().update(parameters())

    @dy.rule()
    def in_range_agrees_with_parameters(cls) -> pl.Expr:
        return pl.col("in_range") == pl.all_horizontal(pl.col(p.name) <= p.maximum for p in PARAMETERS)

    @dy.rule()
    def only_out_of_range_repaired(cls) -> pl.Expr:
        return (pl.col("repair").is_not_null() == pl.col("repaired_id").is_not_null()) & (
            pl.col("repair").is_null() | ~pl.col("in_range")
        )

    @dy.rule()
    def a_count_for_each_name(cls) -> pl.Expr:
        return pl.col("names").list.len() == pl.col("name_counts").list.len()


class Families(dy.Schema):
    """A legal sound with its functional group, of sounds that are the same to the ear, and its family."""

    sound_id = sound_id(primary_key=True)
    functional_id = dy.String(
        regex="^[0-9a-f]{20}$",
        metadata=description("digest of the audible parameters: equal for sounds that differ only in inaudible ones"),
    )
    family_id = dy.String(
        regex="^[0-9a-f]{20}$",
        metadata=description(
            "smallest sound_id of the family: sounds linked by at most 5 differing parameters, by equal functional_id, "
            "or by nearly equal audio; a converted sound is in the family of the DX7 sound that it comes from"
        ),
    )
    functional_representative = dy.Bool(
        metadata=description(
            "represents its functional group: a DX7 voice before a converted one, then in the most files, then slots, "
            "then by smallest sound_id"
        )
    )
    family_representative = dy.Bool(metadata=description("represents its family, by the same order"))
    best_name = voice_name("name in the most files, over all sounds of the family")
    functional_size = dy.UInt32(min=1, metadata=description("number of sounds in the functional group"))
    family_size = dy.UInt32(min=1, metadata=description("number of sounds in the family"))


class Verdicts(dy.Schema):
    """A sound with its verdict, the findings that decided it, and the measures that the rules use."""

    sound_id = sound_id(primary_key=True)
    verdict = one_of(VERDICTS, "verdict")
    decided_by = one_of(("rules", "user"), "source of the verdict")
    why = dy.String(nullable=True, metadata=description("the user's reason; null if the rules decided"))
    heard = dy.Bool(metadata=description("the sound was rendered, and the rules could use its audio features"))
    findings = dy.List(
        dy.Struct(
            {
                "rule": dy.String(),
                "severity": dy.String(),
                "parameter": dy.String(nullable=True),
                "value": dy.Float64(nullable=True),
            }
        ),
        metadata=description(
            "findings, the most severe first: rule, severity (a verdict, or note for no effect), parameter or measure, "
            f"and its value; {MAX_FINDINGS} at most"
        ),
    )
    faults = dy.UInt8(metadata=description("number of parameters out of range"))
    wild_faults = dy.UInt8(
        metadata=description("number of parameters too far out of range for an editor's slip or a lost byte")
    )
    different_values = dy.UInt8(metadata=description("number of different values among the parameters"))
    at_default = dy.UInt8(metadata=description("number of parameters equal to those of INIT VOICE"))
    from_init = dy.UInt8(
        nullable=True,
        metadata=description("number of audible parameters that differ from INIT VOICE; null if out of range"),
    )
    loudest_db = dy.Float64(
        nullable=True,
        metadata=description(
            "upper bound of the level, computed from the parameters, in dB (0 dB is one carrier at full level); null "
            "if out of range"
        ),
    )
    rest_db = dy.Float64(
        nullable=True,
        metadata=description("level long after key-up, computed from the parameters, in dB; null if out of range"),
    )
    corruption_score = dy.Float64(
        metadata=description("log-odds that it is damaged or random data, by the judge of corruption, -8 to 8"),
    )
    neighbor_corruption = dy.Float64(
        nullable=True,
        metadata=description(
            "mean corruption_score of up to 6 slots on each side in a dump, without blank slots, unreadable ones as 8; "
            "the lowest over all dumps; null if it has no neighbors"
        ),
    )
    corruption_model = dy.String(metadata=description("version of the judge of corruption"))
    neighborhoods = dy.UInt32(
        nullable=True,
        metadata=description("number of different pairs of neighboring sounds; null if it exists only as a repair"),
    )
    stuck_bit = dy.UInt8(
        nullable=True,
        metadata=description("bit, 1 to 7, that never changes in the dumps with this sound; null if none"),
    )
