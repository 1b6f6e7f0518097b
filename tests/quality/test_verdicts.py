"""Verdicts: measures, rules, the user's overrides, and the corruption score of damaged data."""

import subprocess
import sys

import dagster as dg
import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from deepdx_core.codec.packing import INIT_VOICE, MAXIMA, pack_vmem, repack_vmem, unpack_vmem
from deepdx_core.configuration import check_configuration
from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.dedup.exact import unique_sounds
from deepdx_core.dedup.families import find_families
from deepdx_core.intake.survey import survey
from deepdx_core.judges.store import package_judge
from deepdx_core.judging import synthetic_corruption
from deepdx_core.overrides import OverridesError, read_overrides, write_override
from deepdx_core.quality.corruption import neighbor_mean
from deepdx_core.quality.measures import measure_sounds
from deepdx_core.quality.rules import RulesError, load_rules
from deepdx_core.quality.verdicts import decide_verdicts
from deepdx_core.sound.audio_features import summarize_by_sound
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.tables.curation import VERDICTS, Verdicts
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES
from deepdx_pipeline.cli.app import app
from deepdx_pipeline.definitions import build_defs
from tests.support.paths import DEMO, ROOT
from tests.support.voices import decoded_dump, random_voices, two_carriers

NOT_RENDERED = pl.DataFrame(
    schema={"sound_id": pl.String, "silent": pl.Boolean, "peak_db": pl.Float32, "sounds_at_rest": pl.Boolean}
)
NO_OVERRIDES = pl.DataFrame(schema={"sound_id": pl.String, "verdict": pl.String, "why": pl.String})


def verdicts_of(voices, audio=NOT_RENDERED, overrides=NO_OVERRIDES, rules=None):
    rules = rules or load_rules()
    sounds = unique_sounds(voices, rules.repair)
    families = find_families(sounds.filter("in_range")).select("sound_id", "family_id", "family_size")
    measured = measure_sounds(sounds, voices, families, audio, package_judge("corruption"), rules.repair)
    return Verdicts.validate(decide_verdicts(measured, rules.rules, overrides))


def verdict(parameters, **options):
    """Verdict and the ids of its findings."""
    verdicts = verdicts_of(decoded_dump(parameters[None]), **options)
    row = verdicts.row(by_predicate=pl.col("sound_id") == sound_ids(parameters[None])[0], named=True)
    return row["verdict"], [finding["rule"] for finding in row["findings"]]


def test_a_plain_voice_is_valid_without_findings():
    assert verdict(two_carriers()) == ("valid", [])


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (np.zeros(145, np.uint8), ("empty", "all-zero")),
        (INIT_VOICE, ("empty", "init-voice")),
        # Functionally equal: an inaudible parameter differs.
        (np.where(np.arange(145) == INDEX["lfo_speed"], 99, INIT_VOICE).astype(np.uint8), ("empty", "init-voice")),
        (np.where(MAXIMA == 1, 1, np.minimum(MAXIMA, 7)).astype(np.uint8), ("corrupt", "few-values")),
        (two_carriers(op1_output_level=102), ("repairable", "repairable")),
        (two_carriers(op1_output_level=127, op3_eg_level_1=120), ("corrupt", "out-of-range")),
        (two_carriers(op1_output_level=0, op3_output_level=0, op5_output_level=0), ("silent", "silent-by-parameters")),
        (random_voices(1, seed=1)[0][0], ("corrupt", "random-parameters")),
    ],
)
def test_the_first_finding_decides_the_verdict(parameters, expected):
    found, rules = verdict(parameters)
    assert (found, rules[0]) == expected


def test_a_drone_is_valid_with_a_note():
    assert verdict(two_carriers(op3_eg_level_4=99)) == ("valid", ["never-falls-silent"])
    # Level 4 of a carrier that is turned down, or of a modulator, makes no drone.
    assert verdict(two_carriers(op3_eg_level_4=99, op3_output_level=10)) == ("valid", [])
    assert verdict(two_carriers(op4_eg_level_4=99, op4_output_level=80)) == ("valid", [])


def test_findings_have_parameter_value_and_severity():
    verdicts = verdicts_of(decoded_dump(two_carriers(op1_output_level=127)[None]))
    assert verdicts["findings"].to_list()[0] == [
        {"rule": "out-of-range", "severity": "corrupt", "parameter": "op1_output_level", "value": 127.0},
        {"rule": "alone-out-of-range", "severity": "note", "parameter": "op1_output_level", "value": 127.0},
    ]


def test_audio_takes_precedence_over_parameters():
    voice = two_carriers(op1_output_level=0, op3_output_level=0, op5_output_level=0)
    (id_,) = sound_ids(voice[None])
    audio = pl.DataFrame([(id_, False, -20.0, False)], schema=NOT_RENDERED.schema, orient="row")
    verdicts = verdicts_of(decoded_dump(voice[None]), audio=audio)
    assert (verdicts["verdict"].item(), verdicts["heard"].item()) == ("valid", True)
    silent = audio.with_columns(silent=pl.lit(True))
    silent_plain = silent.with_columns(sound_id=pl.Series(sound_ids(two_carriers()[None])))
    assert verdict(two_carriers(), audio=silent_plain)[0] == "silent"


def test_the_users_verdict_wins():
    voice = random_voices(1, seed=1)[0]
    overrides = pl.DataFrame([(sound_ids(voice)[0], "valid", "I like it")], schema=NO_OVERRIDES.schema, orient="row")
    verdicts = verdicts_of(decoded_dump(voice), overrides=overrides)
    assert verdicts.select("verdict", "decided_by", "why").row(0) == ("valid", "user", "I like it")
    assert len(verdicts["findings"].item()) > 0  # findings are kept all the same


UNPLAYABLE = two_carriers(op1_output_level=127, op3_eg_level_1=120, op5_coarse=31)
KINDS = {
    "plain": two_carriers(),
    "initial": INIT_VOICE,
    "silent": two_carriers(op1_output_level=0, op3_output_level=0, op5_output_level=0),
    "noise": random_voices(1, seed=1)[0][0],
    "repaired": two_carriers(op1_output_level=102),
    "result of a repair": np.minimum(two_carriers(op1_output_level=102), MAXIMA),
    "beyond repair": UNPLAYABLE,
}


def override(parameters, verdict, place="verdicts.csv: line 2"):
    row = (sound_ids(parameters[None])[0], verdict, "", place)
    return pl.DataFrame([row], schema=[*NO_OVERRIDES.columns, "place"], orient="row")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", VERDICTS)
def test_the_user_may_give_a_sound_any_verdict_that_it_can_have(kind, value):
    parameters = KINDS[kind]
    playable = kind not in ("repaired", "beyond repair")
    found = decoded_dump(KINDS["repaired"][None] if kind == "result of a repair" else parameters[None])
    if value == ("repairable" if playable else "valid"):
        reason = "all its parameters are in range" if playable else "it has parameters out of range"
        with pytest.raises(
            OverridesError, match=rf"^verdicts\.csv: line 2: [0-9a-f]{{20}} cannot be {value}: {reason}"
        ):
            verdicts_of(found, overrides=override(parameters, value))
    else:
        decided = verdicts_of(found, overrides=override(parameters, value)).filter(decided_by="user")
        assert decided["verdict"].to_list() == [value]


def test_a_verdict_on_a_sound_that_is_not_there_is_kept():
    verdicts = verdicts_of(decoded_dump(two_carriers()[None]), overrides=override(UNPLAYABLE, "valid"))
    assert verdicts.select("verdict", "decided_by").rows() == [("valid", "rules")]


@pytest.mark.slow
def test_the_funnel_adds_up_for_every_verdict_of_the_user_on_every_kind_of_sound(home):
    """A corpus with a sound of each kind for each verdict that it can have."""
    voices, lines = [], []
    for kind in KINDS.keys() - {"initial"}:  # there is only one
        for number, value in enumerate(VERDICTS):
            parameters = KINDS[kind].copy()
            parameters[INDEX["lfo_speed"]] = 10 + len(voices)  # another sound of the kind
            voices.append(parameters)
            if kind == "result of a repair":
                voices[-1] = parameters.copy()
                voices[-1][INDEX["op1_output_level"]] = 102
            playable = kind not in ("repaired", "beyond repair")
            if value != ("repairable" if playable else "valid"):
                lines.append(f"{sound_ids(parameters[None])[0]},{value},{kind} {number}\n")
    parameters = np.array([*voices, INIT_VOICE, *random_voices(64 - len(voices) - 1, seed=9)[0]])
    names = np.full((64, 10), ord("A"), np.uint8)
    records = repack_vmem(parameters, names, np.zeros((64, 128), np.uint8))
    for number, bank in enumerate(records.reshape(2, -1)):
        checksum = -int(bank.sum()) & 0x7F
        dump = bytes([0xF0, 0x43, 0, 9, 0x20, 0, *bank.tolist(), checksum, 0xF7])
        (home.inbox / f"{number}.syx").write_bytes(dump)
    # The location of the file in the first version; a run moves it into the state.
    (home.root / home.verdicts.name).write_text("sound_id,verdict,why\n" + "".join(lines))
    result = (
        build_defs(home)
        .resolve_job_def("refresh_corpus")
        .execute_in_process(instance=dg.DagsterInstance.ephemeral(), raise_on_error=False)
    )
    assert result.success
    (funnel,) = (e for e in result.get_asset_check_evaluations() if e.check_name == "funnel_adds_up")
    assert funnel.passed, funnel.metadata
    by_user = Tables(home).read("verdicts").filter(decided_by="user")
    assert len(by_user) == len(lines)
    assert set(by_user["verdict"]) == set(VERDICTS)

    # The command refuses a contradiction. One in a file edited by hand is reported before the next run.
    unplayable = next(line[:20] for line in lines if "beyond repair" in line)
    for sound_id, value, reason in (
        (unplayable, "valid", "cannot be valid: it has parameters out of range"),
        (unplayable, "repairable", "cannot be repairable: no repair was found for it"),
        (
            next(line[:20] for line in lines if "plain" in line),
            "repairable",
            "cannot be repairable: all its parameters",
        ),
    ):
        refused = CliRunner().invoke(app, ["verdict", sound_id, value])
        assert reason in str(refused.exception)
        assert home.verdicts.read_text() == "sound_id,verdict,why\n" + "".join(lines)
    home.verdicts.write_text(f"sound_id,verdict,why\n{'0' * 20},valid,\n{unplayable},valid,\n")
    with pytest.raises(OverridesError, match=f"verdicts.csv: line 3: {unplayable} cannot be valid"):
        check_configuration(home)


def test_rules_are_switched_tuned_and_added_in_a_file(tmp_path):
    (tmp_path / "rules.toml").write_text(
        """
        [repair]
        margin = 0
        [rule.few-values]
        enabled = false
        [rule.never-falls-silent]
        verdict = "corrupt"
        [rule.too-much-feedback]
        when = "feedback = 7 AND algorithm = 4"
        shows = "feedback"
        verdict = "note"
        reason = "I do not care for it"
        """
    )
    rules = load_rules(tmp_path / "rules.toml")
    assert verdict(two_carriers(op1_output_level=102), rules=rules)[0] == "corrupt"
    assert verdict(two_carriers(op3_eg_level_4=99), rules=rules) == ("corrupt", ["never-falls-silent"])
    assert verdict(two_carriers(feedback=7), rules=rules) == ("valid", ["too-much-feedback"])
    few = np.where(MAXIMA == 1, 1, np.minimum(MAXIMA, 7)).astype(np.uint8)
    assert "few-values" not in verdict(few, rules=rules)[1]


@pytest.mark.parametrize(
    ("when", "each", "finds"),
    [
        ("algorithm - 31 > 0", "sound", False),
        ("algorithm * 100 > 350", "sound", True),
        ("op1_output_level + op1_output_level = 254 AND op1_output_level * op1_output_level > 16000", "sound", True),
        ("faults - 2 < 0 AND slots - 2 < 0 AND from_init - 200 < 0", "sound", False),  # out of range: no from_init
        ("faults - 2 < 0 AND slots - 2 < 0 AND different_values - 200 < 0", "sound", True),
        ("value * 3 = 381 AND maximum * 3 = 297 AND excess * 10 = 280 AND maximum - value < 0", "parameter", True),
    ],
)
def test_numbers_in_rules_do_not_wrap(tmp_path, when, each, finds):
    (tmp_path / "rules.toml").write_text(f"[rule.x]\nverdict = 'note'\nreason = 'r'\nwhen = '{when}'\neach = '{each}'")
    _, found = verdict(two_carriers(op1_output_level=127), rules=load_rules(tmp_path / "rules.toml"))
    assert ("x" in found) == finds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[rule.x]\nverdict = 'note'", "rule.x.reason: is missing"),
        ("[rule.x]\nverdict = 'bad'\nreason = 'r'\nwhen = 'true'", "rule.x.verdict: must be 'empty', 'corrupt', "),
        ("[rule.x]\nverdict = 'note'\nreason = 'r'", "rule.x.when: is missing"),
        ("[rule.x]\nverdict = 'note'\nreason = 'r'\nwhen = 'SELECT FROM'", "rule.x.when: "),
        ("[rule.few-values]\nwhenever = 'true'", "rule.few-values.whenever: unknown key; known keys are verdict, "),
        ("[rule.few-values]\nenabled = 'no'", "rule.few-values.enabled: must be true or false"),
        ("[rule.byte-over-127]\nenabled = false", "rule.byte-over-127: cannot be changed"),
        ("[repair]\nmargin = -1", "repair.margin: must be at least 0, not -1"),
        ("[repair]\nmargin = 146", "repair.margin: must be at most 145, not 146"),
        ("[repair]\nmargin = true", "repair.margin: must be a whole number, not True"),
        ("[repair]\nmargins = 1", "repair.margins: unknown key; known keys are most_parameters, margin"),
        ("[rules]", "rules: unknown key; known keys are repair, judges, rule"),
        ("rule = 3", "rule: must be a table, not 3"),
        ("[rule", "rules.toml: "),
    ],
)
def test_an_invalid_file_of_rules_is_refused_with_place_and_reason(tmp_path, text, reason):
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(RulesError) as refused:
        load_rules(tmp_path / "rules.toml")
    assert reason in str(refused.value)
    assert str(tmp_path / "rules.toml") in str(refused.value)


def test_a_rule_with_an_unknown_column_is_named(tmp_path):
    (tmp_path / "rules.toml").write_text("[rule.x]\nverdict = 'note'\nreason = 'r'\nwhen = 'loudness > 3'")
    with pytest.raises(RulesError, match=r"rules.toml: rule.x.when: 'loudness > 3' cannot be evaluated: .*loudness\"$"):
        verdict(two_carriers(), rules=load_rules(tmp_path / "rules.toml"))


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ("when = 'oddness > 2'", "when: 'oddness > 2' cannot be evaluated: .*; `oddness` is now `corruption_score`"),
        ("when = 'oddness_around > 2'", "when: .*; `oddness_around` is now `neighbor_corruption`"),
        ("when = 'oddness_model IS NULL'", "when: .*; `oddness_model` is now `corruption_model`"),
        ("when = 'neighbourhoods < 3'", "when: .*; `neighbourhoods` is now `neighborhoods`"),
        ("when = 'true'\nshows = 'oddness'", "shows: `oddness` is now `corruption_score`"),
    ],
)
def test_a_rule_with_a_column_of_an_earlier_version_is_refused_with_its_new_name(tmp_path, keys, reason):
    (tmp_path / "rules.toml").write_text(f"[rule.x]\nverdict = 'note'\nreason = 'r'\n{keys}")
    with pytest.raises(RulesError, match=rf"rules\.toml: rule\.x\.{reason}$"):
        verdict(two_carriers(), rules=load_rules(tmp_path / "rules.toml"))


def test_every_rule_has_a_reason_and_a_source():
    for rule in load_rules().rules:
        assert rule.reason, rule.id
        assert rule.source, rule.id


def test_overrides_are_kept_in_a_file_sorted_by_sound(tmp_path):
    path = tmp_path / "verdicts.csv"
    assert read_overrides(path, "verdict", VERDICTS).is_empty()
    for id_, value in (("f" * 20, "valid"), ("0" * 20, "corrupt"), ("f" * 20, "silent")):
        write_override(path, "verdict", VERDICTS, id_, value, 'a "reason",\n with a line', lock=tmp_path / "lock")
    assert path.read_text() == (
        'sound_id,verdict,why\n00000000000000000000,corrupt,"a ""reason"", with a line"\n'
        'ffffffffffffffffffff,silent,"a ""reason"", with a line"\n'
    )
    assert read_overrides(path, "verdict", VERDICTS)["why"].unique().to_list() == ['a "reason", with a line']
    write_override(path, "verdict", VERDICTS, "f" * 20, None, "", lock=tmp_path / "lock")
    assert read_overrides(path, "verdict", VERDICTS)["sound_id"].to_list() == ["0" * 20]


def test_overrides_are_written_to_the_file_that_a_link_leads_to(tmp_path):
    kept, path = tmp_path / "synced" / "mine.csv", tmp_path / "state" / "verdicts.csv"
    kept.parent.mkdir()
    path.parent.mkdir()
    kept.write_text("sound_id,verdict,why\n")
    (tmp_path / "synced" / "link").symlink_to("mine.csv")
    path.symlink_to("../synced/link")
    write_override(path, "verdict", VERDICTS, "0" * 20, "valid", "", lock=tmp_path / "lock")
    assert path.is_symlink()
    assert kept.read_text() == path.read_text() == f"sound_id,verdict,why\n{'0' * 20},valid,\n"
    assert sorted(found.name for found in kept.parent.iterdir()) == ["link", "mine.csv"]


WRITE = """
import sys
from pathlib import Path
from deepdx_core.overrides import write_override
home, process = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for number in range(3):
    sound_id = f"{process:010x}{number:010x}"
    write_override(home / "verdicts.csv", "verdict", ["valid"], sound_id, "valid", "", lock=home / "locks" / "lock")
"""


def test_no_concurrent_override_is_lost(tmp_path):
    command = [sys.executable, "-c", WRITE, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    processes = [subprocess.Popen([*command, str(number)], **pipes) for number in range(8)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:  # all at once
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    kept = read_overrides(tmp_path / "verdicts.csv", "verdict", VERDICTS)["sound_id"].to_list()
    assert kept == [f"{process:010x}{number:010x}" for process in range(8) for number in range(3)]


def test_a_reason_that_is_not_text_becomes_one_line_of_text(tmp_path):
    path, lock = tmp_path / "verdicts.csv", tmp_path / "lock"
    write_override(path, "verdict", VERDICTS, "0" * 20, "valid", "caf\udce9\r\nau lait\u2028x", lock=lock)
    assert read_overrides(path, "verdict", VERDICTS)["why"].item() == "caf\ufffd au lait x"


def test_a_file_that_cannot_be_read_is_not_written_over(tmp_path):
    path = tmp_path / "verdicts.csv"
    path.write_text("my notes\n")
    with pytest.raises(OverridesError, match="the first line must be"):
        write_override(path, "verdict", VERDICTS, "0" * 20, "valid", "", lock=tmp_path / "lock")
    assert path.read_text() == "my notes\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the first line must be sound_id,verdict,why"),
        ("sound_id,verdict\n", "the first line must be"),
        ("sound_id,verdict,why\nabc,valid,x\n", "line 2: 'abc' is not a sound_id"),
        (f"sound_id,verdict,why\n{'0' * 20},good,x\n", "line 2: 'good' is not one of valid"),
        (f"sound_id,verdict,why\n{'0' * 20},valid\n", "line 2: 2 fields, expected 3"),
        (f"sound_id,verdict,why\n{'0' * 20},valid,\n{'0' * 20},silent,\n", f"line 3: {'0' * 20} is already"),
        ('sound_id,verdict,why\n"', "unexpected end of data"),
    ],
)
def test_an_invalid_file_of_overrides_is_refused(tmp_path, text, reason):
    (tmp_path / "verdicts.csv").write_text(text)
    with pytest.raises(OverridesError) as refused:
        read_overrides(tmp_path / "verdicts.csv", "verdict", VERDICTS)
    assert reason in str(refused.value)


def test_a_bit_that_is_stuck_throughout_a_dump_is_found():
    parameters, _ = random_voices(32, seed=3)
    stuck = np.where(MAXIMA == 99, parameters & ~np.uint8(4), parameters).astype(np.uint8)
    assert set(verdicts_of(decoded_dump(stuck))["stuck_bit"]) == {3}
    assert verdicts_of(decoded_dump(parameters))["stuck_bit"].is_null().all()


def test_neighbors_are_those_of_the_same_dump():
    odds = pl.Series([1.0, 2.0, None, 4.0, 10.0])
    dumps = pl.Series([1, 1, 1, 1, 2])
    assert neighbor_mean(odds, dumps).to_list() == [3.0, 2.5, pytest.approx(7 / 3), 1.5, None]


@pytest.mark.parametrize("corrupt", synthetic_corruption.ALL, ids=lambda corrupt: corrupt.__name__)
def test_corrupted_banks_are_changed_records_of_seven_bits(corrupt):
    banks = pack_vmem(*random_voices(96)).reshape(3, 32, 128)
    before = banks.copy()
    corrupted = corrupt(banks, np.random.default_rng(1))
    assert (corrupted.shape, corrupted.dtype) == (banks.shape, np.uint8)
    assert (corrupted < 128).all()
    np.testing.assert_array_equal(banks, before)
    assert (corrupted != banks).mean() > 0.01
    np.testing.assert_array_equal(corrupt(banks, np.random.default_rng(1)), corrupted)


@pytest.mark.slow
def test_corrupted_banks_in_the_demo_corpus_are_found(tmp_path):
    """Nearly all voices with bytes from elsewhere are found, in a small corpus that the judge never saw."""
    voices = decode_dumps(survey(DEMO).dumps)
    clean = verdicts_of(voices)
    banks = voices.filter("valid").group_by("sha256", "offset").agg(pl.len()).filter(pl.col("len") == 32)
    good = voices.join(banks, on=["sha256", "offset"], how="semi", maintain_order="left")
    names = np.full((len(good), 10), ord("X"), np.uint8)
    packed = pack_vmem(good.select(PARAMETER_NAMES).to_numpy().astype(np.uint8), names).reshape(-1, 32, 128)
    drawn, _ = unpack_vmem(synthetic_corruption.overwritten(packed, np.random.default_rng(2))[:12].reshape(-1, 128))
    slot = pl.int_range(len(drawn)).cast(pl.UInt16) + 1
    damaged = decoded_dump(drawn).with_columns(sha256=pl.lit("f" * 64), slot=slot)
    both = pl.concat([voices.select(damaged.columns), damaged], how="vertical_relaxed")
    after = verdicts_of(both)
    found = after.filter(pl.col("sound_id").is_in(damaged["sound_id"].unique()))
    assert (found["verdict"] == "corrupt").mean() > 0.95
    assert found["corruption_model"].n_unique() == 1
    valid = clean.filter(pl.col("verdict") == "valid").join(after, on="sound_id")
    assert (valid["verdict_right"] == "valid").mean() > 0.99


def test_audio_columns_are_those_of_the_table():
    # Rules use these names with the prefix `heard_`.
    assert set(summarize_by_sound(AudioFeatures.create_empty()).columns) >= set(NOT_RENDERED.columns)
