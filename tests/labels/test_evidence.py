"""Labels from all evidence: parameters, family, folders, the user; and reports on them."""

import hashlib
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.judges.judge import Judge
from deepdx_core.judging.labels import train_label_judge
from deepdx_core.labels import report
from deepdx_core.labels.combination import Evidence, combine_evidence
from deepdx_core.labels.evidence import source_paths
from deepdx_core.labels.sounds import label_sounds
from deepdx_core.labels.suggestions import suggest_voices
from deepdx_core.labels.taxonomy import load_taxonomy
from deepdx_core.labels.traits import compute_traits, describe_traits
from deepdx_core.tables.dataset import LabeledVoices
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES

TAXONOMY = load_taxonomy()
NAMED = 300
NAMELESS = 60


def voices(count: int, seed: int = 0, **parameters: int) -> np.ndarray:
    """Copies of INIT VOICE with some parameters set, and a few others drawn at random."""
    drawn = np.tile(INIT_VOICE, (count, 1))
    for name in ("lfo_speed", "op3_fine", "op4_detune", "op5_output_level"):
        drawn[:, INDEX[name]] = np.random.default_rng(seed).integers(0, 15, count)
    for name, value in parameters.items():
        drawn[:, INDEX[name]] = value
    return drawn


STRINGS = {"op1_eg_rate_1": 40, "op1_eg_rate_4": 40, "algorithm": 1}
ORGAN = {"op1_eg_rate_1": 99, "algorithm": 31, "op2_output_level": 99, "op2_coarse": 2, "op3_output_level": 99}
DRUM = {"op1_eg_rate_2": 60, "op1_eg_level_3": 0, "op1_mode": 1, "op1_coarse": 2, "feedback": 7, "algorithm": 6}


def corpus(*parts: tuple[str, np.ndarray]) -> pl.DataFrame:
    """Sounds in parts, each with one name."""
    parameters = np.concatenate([part for _, part in parts])
    names = [name for name, part in parts for _ in part]
    ids = [hashlib.sha256(str(number).encode()).hexdigest()[:20] for number in range(len(names))]
    return pl.DataFrame(parameters, schema=dict.fromkeys(PARAMETER_NAMES, pl.UInt8)).with_columns(
        sound_id=pl.Series(ids),
        converted=False,
        names=pl.Series([[name] for name in names]),
        name_counts=pl.Series([[1]] * len(names), dtype=pl.List(pl.UInt32)),
    )


SOUNDS = corpus(
    ("SAITEN", voices(NAMED, 1, **STRINGS)),
    ("PAUKE", voices(NAMED, 2, **DRUM)),
    ("ORGEL", voices(NAMED, 6, **ORGAN)),
    ("WHAT", voices(NAMELESS, 3, **STRINGS)),
    ("EVER", voices(NAMELESS, 4, **DRUM)),
)
FAMILIES = pl.DataFrame(schema={"sound_id": pl.String, "family_id": pl.String})


def trained_on(sounds: pl.DataFrame, families: pl.DataFrame = FAMILIES) -> Judge:
    known = sounds.join(families, on="sound_id", how="left").with_columns(
        pl.coalesce("family_id", "sound_id").alias("family_id")
    )
    overrides = pl.DataFrame(schema={"sound_id": pl.String, "category": pl.String})
    return train_label_judge(known, overrides, TAXONOMY, "a test", "2026-01-01")


@pytest.fixture(scope="module")
def judge() -> Judge:
    return trained_on(SOUNDS)


@pytest.fixture(scope="module")
def evidence(judge: Judge) -> Evidence:
    return combine_evidence(SOUNDS, FAMILIES, TAXONOMY, judge)


def named(rows: pl.DataFrame, name: str, sounds: pl.DataFrame = SOUNDS) -> pl.DataFrame:
    return rows.join(sounds.filter(pl.col("names").list.first() == name), on="sound_id", how="semi")


def test_the_model_labels_sounds_without_known_names(evidence: Evidence) -> None:
    rows = label_sounds(evidence)
    LabeledVoices.validate(rows)
    for name, category, label in (("WHAT", "strings", "Orchestra"), ("EVER", "drum", "Perc")):
        part = named(rows, name)
        assert len(part) == NAMELESS
        assert set(part["category"]) == {category}
        assert set(part["label"]) == {label}
        assert set(part["decided_by"]) == {"model"}
        assert part["by_names"].is_null().all()
    assert "slow attack" in named(rows, "WHAT")["evidence"][0]
    assert "fixed frequencies" in named(rows, "EVER")["evidence"][0]
    assert rows["model"].null_count() == 0


def test_labels_do_not_depend_on_the_order_of_sounds(judge: Judge, evidence: Evidence) -> None:
    shuffled = SOUNDS.sample(fraction=1, shuffle=True, seed=5)
    assert label_sounds(combine_evidence(shuffled, FAMILIES, TAXONOMY, judge)).equals(label_sounds(evidence))


def test_the_judge_gives_a_sound_the_same_probabilities_whatever_else_is_in_the_corpus(
    judge: Judge, evidence: Evidence
) -> None:
    some = SOUNDS.sample(40, seed=1)
    few = combine_evidence(some, FAMILIES, TAXONOMY, judge)
    rows = evidence.sounds.with_row_index().join(some, on="sound_id", how="semi")["index"].to_numpy()
    assert evidence.classified and few.classified
    assert (evidence.classified.probabilities[rows] == few.classified.probabilities).all()
    assert set(label_sounds(few)["model"]) == {judge.version}


def test_without_a_judge_only_names_and_their_like_are_evidence() -> None:
    rows = label_sounds(combine_evidence(SOUNDS, FAMILIES, TAXONOMY, None))
    assert rows["model"].is_null().all() and rows["by_model"].is_null().all()
    assert set(named(rows, "WHAT")["category"]) == {"other"}


def test_a_judge_of_other_categories_says_nothing_and_one_of_some_says_so(judge: Judge) -> None:
    foreign = replace(judge, card=judge.card.model_copy(update={"classes": ["zither", "theremin", "saw"]}))
    assert combine_evidence(SOUNDS, FAMILIES, TAXONOMY, foreign).classified is None
    partly = replace(judge, card=judge.card.model_copy(update={"classes": ["drum", "theremin", "strings"]}))
    classified = combine_evidence(SOUNDS, FAMILIES, TAXONOMY, partly).classified
    assert classified
    assert classified.probabilities.sum(axis=1) == pytest.approx(1)
    unknown = [n for name, n in TAXONOMY.number.items() if name not in ("drum", "strings")]
    assert classified.probabilities[:, unknown].max() < 0.01


def test_no_sound_is_classified_by_a_model_trained_on_its_family() -> None:
    # A family with unusual parameters and a wrong name: a model trained on it would repeat the name.
    odd = voices(40, 5, **STRINGS, op6_coarse=31, op6_output_level=99, lfo_wave=5)
    sounds = corpus(
        ("SAITEN", voices(NAMED, 1, **STRINGS)),
        ("PAUKE", voices(NAMED, 2, **DRUM)),
        ("ORGEL", voices(NAMED, 6, **ORGAN)),
        ("KICK", odd),
    )
    kicks = sounds.filter(pl.col("names").list.first() == "KICK").select("sound_id", family_id=pl.lit("0" * 20))
    judge = trained_on(sounds, kicks)
    # The judge knows the family of its training data, whatever families there are now.
    for families in (kicks, FAMILIES):
        apart = named(label_sounds(combine_evidence(sounds, families, TAXONOMY, judge)), "KICK", sounds)
        assert set(apart["by_names"]) == {"drum"}
        assert set(apart["by_model"]) == {"strings"}
    rows = label_sounds(combine_evidence(sounds, FAMILIES, TAXONOMY, trained_on(sounds)))
    assert set(named(rows, "KICK", sounds)["by_model"]) == {"drum"}


def test_names_of_its_family_are_evidence_for_a_sound() -> None:
    sounds = corpus(("ORGEL", voices(3)), ("WHAT", voices(1)), ("EVER", voices(1)))
    families = sounds.filter(pl.col("names").list.first() != "EVER").select("sound_id", family_id=pl.lit("f" * 20))
    rows = label_sounds(combine_evidence(sounds, families, TAXONOMY, None))
    (nameless,) = named(rows, "WHAT", sounds).rows(named=True)
    assert (nameless["category"], nameless["by_family"], nameless["decided_by"]) == ("organ", "organ", "family")
    trusted = TAXONOMY.reliability["words"] / 100 * TAXONOMY.reliability["family"]
    assert nameless["evidence"] == f"family: organ {trusted:.0f} %"
    (alone,) = named(rows, "EVER", sounds).rows(named=True)
    assert (alone["category"], alone["by_family"]) == ("other", None)


def test_a_folder_is_trusted_as_far_as_its_voices_agree() -> None:
    right, wrong = "old/Organs/a.syx", "BRASS.SYX"
    sounds = corpus(("ORGEL", voices(20)), ("PAUKE", voices(20)), ("WHAT", voices(1)), ("EVER", voices(1)))
    files = pl.DataFrame(
        {"path": [right, wrong], "member": [None, None], "sha256": ["a", "b"]}, schema_overrides={"member": pl.String}
    )
    in_file = pl.col("names").list.first().is_in(["ORGEL", "WHAT"])
    slots = sounds.select("sound_id", sha256=pl.when(in_file).then(pl.lit("a")).otherwise(pl.lit("b")))
    places = source_paths(files, slots)
    assert dict(
        places.filter(pl.col("place") == wrong).join(sounds, on="sound_id")["names"].list.first().value_counts().rows()
    ) == {"PAUKE": 20, "EVER": 1}
    rows = label_sounds(combine_evidence(sounds, FAMILIES, TAXONOMY, None, places=places))
    (in_right,) = named(rows, "WHAT", sounds).rows(named=True)
    assert (in_right["category"], in_right["decided_by"]) == ("organ", "folders")
    (in_wrong,) = named(rows, "EVER", sounds).rows(named=True)
    assert (in_wrong["category"], in_wrong["by_folders"]) == ("other", "brass")
    assert set(named(rows, "PAUKE", sounds)["category"]) == {"drum"}
    without = label_sounds(combine_evidence(sounds, FAMILIES, TAXONOMY, None))
    assert without["by_folders"].is_null().all()
    assert named(without, "WHAT", sounds)["category"].to_list() == ["other"]


def test_labels_of_the_user_win() -> None:
    sounds = corpus(("PAUKE", voices(1)), ("WHAT", voices(1)), ("BRASS", voices(1)), ("EVER", voices(1)))
    ids = dict(zip(sounds["names"].list.first(), sounds["sound_id"], strict=True))
    families = sounds.filter(pl.col("names").list.first().is_in(["PAUKE", "WHAT"])).select(
        "sound_id", family_id=pl.lit("a" * 20)
    )
    overrides = pl.DataFrame(
        {"sound_id": [ids["PAUKE"], ids["BRASS"], "f" * 20], "category": ["harp", "other", "harp"], "why": [""] * 3}
    )
    rows = label_sounds(combine_evidence(sounds, families, TAXONOMY, None, overrides=overrides))
    by_name = {name: rows.filter(pl.col("sound_id") == id_).row(0, named=True) for name, id_ in ids.items()}
    assert (by_name["PAUKE"]["category"], by_name["PAUKE"]["decided_by"]) == ("harp", "user")
    assert (by_name["PAUKE"]["confidence"], by_name["PAUKE"]["categories"]) == (1.0, ["harp"])
    assert by_name["PAUKE"]["evidence"].startswith("the user: harp; names: drum, 1 of 1 votes")
    assert by_name["WHAT"]["category"] == "harp"
    assert (by_name["BRASS"]["category"], by_name["BRASS"]["decided_by"]) == ("other", "user")
    assert len(rows) == len(sounds)


@settings(max_examples=25, deadline=None)
@given(st_numpy.arrays(np.uint8, (3, 145), elements=st.integers(0, 255)))
def test_every_voice_in_range_has_finite_traits_and_words(drawn: np.ndarray) -> None:
    in_range = (drawn % (MAXIMA.astype(np.uint16) + 1)).astype(np.uint8)
    found = compute_traits(in_range)
    assert all(values.shape == (3,) and not np.isinf(values).any() for values in found.values())
    assert len(describe_traits(found)) == 3


def test_traits_do_not_depend_on_the_number_of_the_operator() -> None:
    # In algorithm 32 all six are carriers.
    first = voices(1, algorithm=31, op1_output_level=99, op5_output_level=0, op1_eg_rate_1=20, op1_coarse=3)
    second = voices(1, algorithm=31, op1_output_level=0, op5_output_level=99, op5_eg_rate_1=20, op5_coarse=3)
    one, other = compute_traits(first), compute_traits(second)
    for name in ("carriers_eg_rate_1", "carriers_ratio", "carrier_1_eg_rate_1", "carrier_1_ratio", "lowest_octave"):
        assert one[name] == other[name], name
    assert one["carriers_ratio"] == pytest.approx(np.log2(3))


def test_reports_count_every_sound(evidence: Evidence) -> None:
    stages = report.stages(evidence)
    assert stages["evidence"].unique(maintain_order=True).to_list() == ["names", "names + model"]
    totals = stages.group_by("evidence").agg(pl.col("sounds").sum())
    assert set(totals["sounds"]) == {len(SOUNDS)}
    assert ("names", "Other", 2 * NAMELESS) in stages.rows()
    assert "Other" not in stages.filter(pl.col("evidence") == "names + model")["label"]
    rows = label_sounds(evidence)
    assert report.confusion(rows).rows() == [(name, name, NAMED) for name in ("drum", "organ", "strings")]
    assert ("Orchestra", 2, NAMED + NAMELESS) in report.by_algorithm(rows).rows()
    assert ("Perc", 7, NAMED + NAMELESS) in report.by_algorithm(rows).rows()
    small = dict(report.small_categories(evidence).select("category", "merge_with").rows())
    assert "strings" not in small
    assert small["solo-strings"] == "strings"
    assert small["percussion"] == "drum"


def test_disagreements_are_sounds_with_names_that_the_model_doubts(judge: Judge) -> None:
    sounds = corpus(
        ("SAITEN", voices(NAMED, 1, **STRINGS)), ("PAUKE", voices(NAMED, 2, **DRUM)), ("KICK", voices(1, 3, **STRINGS))
    )
    (wrong,) = report.disagreements(combine_evidence(sounds, FAMILIES, TAXONOMY, judge), 10).rows(named=True)
    assert (wrong["by_names"], wrong["by_model"]) == ("drum", "strings")
    assert wrong["sound_id"] == sounds["sound_id"][-1]
    assert wrong["log_odds"] > 0
    untrained = combine_evidence(sounds.head(3), FAMILIES, TAXONOMY, None)
    assert report.disagreements(untrained, 10).is_empty()
    assert report.small_categories(untrained)["merge_with"].is_null().all()


def test_suggestions_are_of_large_uncertain_families_of_every_kind() -> None:
    sounds = corpus(*((name, voices(count)) for name, count in (("WHAT", 5), ("EVER", 3), ("PAUKE", 4), ("ORGEL", 2))))
    families = sounds.select(
        "sound_id",
        family_id=pl.col("names").list.first().replace_strict({"WHAT": "a", "EVER": "b", "PAUKE": "c", "ORGEL": "d"}),
    )
    names = sounds.select("sound_id", name=pl.col("names").list.first())
    rows = label_sounds(combine_evidence(sounds, families, TAXONOMY, None))
    suggested = suggest_voices(rows, families, names, 10)
    assert suggested["name"].to_list() == ["WHAT", "PAUKE", "ORGEL", "EVER"]
    assert suggested["unsure"][0] == pytest.approx(5 * (1 - suggested["confidence"][0]))
    assert suggest_voices(rows, families, names, 2)["name"].to_list() == ["WHAT", "PAUKE"]
    labeled = pl.DataFrame({"sound_id": suggested["sound_id"][:1], "category": ["bell"]})
    again = label_sounds(combine_evidence(sounds, families, TAXONOMY, None, overrides=labeled))
    assert "WHAT" not in suggest_voices(again, families, names, 10)["name"]
