"""`deepdx generate`: its options, the banks it writes, its messages, and invalid requests."""

import errno
import html
import os
import re
import shutil
import zipfile
from functools import partial
from pathlib import Path
from unittest.mock import patch

import dagster as dg
import numpy as np
import polars as pl
import pytest

from deepdx_core.codec.names import names_to_text, text_to_names
from deepdx_core.codec.packing import INIT_VOICE, unpack_vmem
from deepdx_core.codec.reader import read
from deepdx_core.codec.writer import write_bank, write_single
from deepdx_core.dataset.distances import distances_to_closest
from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.errors import DeepDXError
from deepdx_core.exchange.inspection import NoVoiceError, inspect_files, load_voice
from deepdx_core.generation import fulfillment, registry, sampling
from deepdx_core.generation.banks import draw_names, encode_banks
from deepdx_core.generation.model import WEIGHTS, load_model, save_model
from deepdx_core.generation.orders import Order
from deepdx_core.generation.request import SamplingRequest
from deepdx_core.generation.sampling import CLOSE, Sample
from deepdx_core.home import Home
from deepdx_core.intake.survey import survey
from deepdx_core.sound.audibility import is_inaudible
from deepdx_core.state.store import open_state
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import INDEX
from deepdx_core.voice.parts import part_columns
from deepdx_pipeline.cli.errors import step_error_message
from deepdx_pipeline.definitions import build_defs
from deepdx_pipeline.defs.orders import OrderConfig
from tests.support.cli import run_deepdx
from tests.support.demo_models import demo_model
from tests.support.paths import DEMO
from tests.support.toy_models import trained_gan

KEYS, NET = DEMO / "Keys" / "EPIANOS1.syx", DEMO / "From the net"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with a tiny model trained on part of the demo corpus, and biased to copy most of a parent."""
    folder = tmp_path_factory.mktemp("models")
    save_model(folder / "champion", demo_model(folder / "run"))
    return folder


@pytest.fixture
def deepdx(monkeypatch, home, tmp_path, models, capsys, compiled_engine):
    """`run_deepdx` in an empty working directory, with the model as champion."""
    open_state(home, print)
    shutil.copytree(models / "champion", home.models / "champion")
    monkeypatch.setattr(registry, "champion_folder", lambda home: home.models / "champion")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("COLUMNS", "300")
    return partial(run_deepdx, capsys)


def decode_inbox(home):
    """Write the table `decoded_voices` of the inbox."""
    Tables(home).write("decoded_voices", decode_dumps(survey(home.inbox).dumps))


def voices_of(path="out.syx"):
    """Return the parameters and names in a bank."""
    (segment,) = read(Path(path).read_bytes()).segments
    assert (segment.checksum, segment.voices) == ("right", 32)
    parameters, names = unpack_vmem(np.frombuffer(segment.payload, np.uint8).reshape(32, 128))
    return parameters, names_to_text(names).tolist()


def generated(deepdx, *options):
    """Return the parameters of a generated bank."""
    code, _, errors = deepdx("generate", *options, "--force", "-o", "out.syx")
    assert code == 0, errors
    return voices_of()[0]


def training_voices(models):
    return load_model(models / "champion").voices.parameters


def test_a_bank_of_named_audible_voices_unlike_the_training_voices(deepdx, models):
    code, output, _ = deepdx("generate", "-o", "out.syx")
    assert code == 0
    path, counts = output.splitlines()
    assert path == "out.syx"
    assert re.fullmatch(r"32 voices; (no candidates rejected|[\d,]+ candidates? rejected: .* [\d,]+)", counts)
    parameters, names = voices_of()
    assert len(set(names)) == 32
    assert "INIT VOICE" not in names
    assert distances_to_closest(parameters, training_voices(models)).min() > 5
    assert not is_inaudible(parameters).any()
    assert [path.name for path in Path().iterdir()] == ["out.syx"]


def test_the_same_seed_gives_the_same_bytes(deepdx):
    for name, seed in ("one.syx", 7), ("again.syx", 7), ("other.syx", 8):
        assert deepdx("generate", "--label", "Bass", "--seed", seed, "-o", name)[0] == 0
    assert Path("one.syx").read_bytes() == Path("again.syx").read_bytes()
    assert (voices_of("one.syx")[0] != voices_of("other.syx")[0]).any()
    assert voices_of("one.syx")[1] != voices_of("other.syx")[1]


def test_more_than_32_voices_fill_several_banks(deepdx):
    Path("new").mkdir()
    code, output, _ = deepdx("generate", "--algorithm", 5, "--count", 40, "-o", "new/five.syx")
    assert code == 0
    assert output.splitlines()[:2] == ["new/five-01.syx", "new/five-02.syx"]
    assert output.splitlines()[2].startswith("40 voices; ")
    assert sorted(path.name for path in Path("new").iterdir()) == ["five-01.syx", "five-02.syx"]
    (first, names), (second, more) = voices_of("new/five-01.syx"), voices_of("new/five-02.syx")
    assert (np.concatenate([first, second[:8]])[:, INDEX["algorithm"]] == 4).all()
    assert len({*names, *more[:8]}) == 40
    assert (second[8:] == INIT_VOICE).all()
    assert more[8:] == ["INIT VOICE"] * 24


def test_a_bank_of_one_voice_is_filled_with_init_voice(deepdx):
    code, output, _ = deepdx("generate", "--count", 1, "-o", "out.syx")
    assert code == 0
    assert "\n1 voice; " in output
    assert (voices_of()[0][1:] == INIT_VOICE).all()


def test_temperature_and_novelty_change_the_voices(deepdx, models, home):
    (home.root / "rules.toml").write_text("[rule.random-parameters]\nenabled = false\n")
    default, bold, far, from_nothing = (
        generated(deepdx, "--count", 4, *options)[:4]
        for options in ((), ("--temperature", 2), ("--novelty", 2), ("--novelty", "inf"))
    )
    assert (default == generated(deepdx, "--count", 4, "--temperature", 1, "--novelty", 1)[:4]).all()
    assert (default != bold).any()
    assert (default != far).any()
    distances = [
        distances_to_closest(voices, training_voices(models)).mean() for voices in (default, bold, from_nothing)
    ]
    assert distances[0] < distances[1]
    assert distances[0] < distances[2]


def test_variations_are_near_their_voice(deepdx, models):
    original = voices_of(KEYS)[0][4]
    near = generated(deepdx, "--like", f"{KEYS}:5", "--count", 8)[:8]
    far = generated(deepdx, "--like", f"{KEYS}:5", "--count", 8, "--strength", 0.9)[:8]
    differing = np.count_nonzero(near != original, axis=1)
    assert differing.min() > 0
    assert differing.max() < 72
    # Training voices differ from it more than twice as much.
    assert np.median(differing) < np.median(np.count_nonzero(training_voices(models) != original, axis=1)) / 2
    assert (near != far).any()


def test_steps_between_two_voices_begin_and_end_with_them(deepdx):
    first, last = voices_of(KEYS)[0][4], voices_of(KEYS)[0][20]
    steps = generated(deepdx, "--between", f"{KEYS}:5", f"{KEYS}:21")
    assert (steps[0] == first).all()
    assert (steps[-1] == last).all()
    nearer_to_first = np.count_nonzero(steps != first, axis=1) < np.count_nonzero(steps != last, axis=1)
    assert nearer_to_first[:8].all()
    assert not nearer_to_first[-8:].any()


def test_kept_parts_stay_as_in_the_voice(deepdx):
    like, _ = load_voice(KEYS, 3)
    made = generated(deepdx, "--like", f"{KEYS}:3", "--keep", "op1, envelopes,algorithm", "--count", 6)[:6]
    kept = part_columns(["op1", "envelopes", "algorithm"])
    assert (made[:, kept] == like[kept]).all()
    assert (made != like).any(axis=1).all()


def test_values_mix_with_label_algorithm_and_voice(deepdx):
    values = ("--set", "op1_coarse=3", "--set", "feedback=6", "--algorithm", 5)
    for options in (("--label", "Bass"), ("--like", f"{KEYS}:3", "--keep", "op1"), ("--keep", "op1, lfo")):
        made = generated(deepdx, *options, *values, "--count", 4)[:4]
        assert (made[:, [INDEX[name] for name in ("op1_coarse", "feedback", "algorithm")]] == [3, 6, 4]).all()
    like, _ = load_voice(KEYS, 3)
    others = [column for column in part_columns(["op1"]) if column != INDEX["op1_coarse"]]
    made = generated(deepdx, "--like", f"{KEYS}:3", "--keep", "op1", *values, "--count", 4)[:4]
    assert (made[:, others] == like[others]).all()


def test_children_have_operators_of_their_parents(deepdx):
    parents = [f"{KEYS}:1", f"{KEYS}:9", f"{DEMO / 'Basses' / 'EBASS1.syx'}:2"]
    given = np.array([load_voice(Path(text.rpartition(":")[0]), int(text.rpartition(":")[2]))[0] for text in parents])
    options = [part for text in parents for part in ("--parents", text)]
    made = generated(deepdx, *options, "--count", 8, "--strength", 0.05)[:8]
    assert (generated(deepdx, *options, "--count", 8, "--strength", 0.05)[:8] == made).all()
    assert (made[:, None] == given).any(axis=1).mean() > 0.7
    assert (made[:, None] != given).any(axis=2).all()
    kept = generated(deepdx, *options, "--count", 4, "--keep", "op1")[:4]
    assert (kept[:, part_columns(["op1"])] == given[0][part_columns(["op1"])]).all()


def test_a_delivery_names_the_nearest_training_voice(deepdx, home, models):
    delivered = fulfillment.fill_order(home, Order(count=5, by_ear=False))
    training = training_voices(models)
    assert (delivered.nearest_distances == distances_to_closest(delivered.parameters, training)).all()
    by_id = dict(zip(sound_ids(training), training, strict=True))
    nearest = np.array([by_id[sound_id] for sound_id in delivered.nearest_ids])
    assert ((nearest != delivered.parameters).sum(axis=1) == delivered.nearest_distances).all()


def test_voices_are_generated_for_a_request_of_arrays(deepdx, home, models):
    given = training_voices(models)[[0, 5]]
    request = SamplingRequest(parents=given, keep=("algorithm",))
    delivered = fulfillment.generate_voices(home, request, 3, 1, names=["ONE", "TWO"], by_ear=False)
    assert (delivered.parameters[:, INDEX["algorithm"]] == given[0, INDEX["algorithm"]]).all()
    assert len(delivered.names) == len(delivered.realness) == len(delivered.nearest_ids) == 3
    with pytest.raises(DeepDXError, match="unknown label 'Spoons'"):
        fulfillment.generate_voices(home, SamplingRequest(label="Spoons"), 1, 0)


@pytest.mark.slow
def test_copies_are_kept_with_allow_copies(deepdx, models):
    options = ("--temperature", 0.1, "--label", "Bass", "--count", 3)
    strict, with_copies = (
        deepdx("generate", *options, *more, "--force", "-o", "out.syx") for more in ((), ("--allow-copies",))
    )
    assert with_copies[0] == 0
    assert CLOSE not in with_copies[1]
    assert distances_to_closest(voices_of()[0][:3], training_voices(models)).min() <= 5
    assert CLOSE in strict[1] + strict[2]


def test_voices_in_archives_and_in_files_with_colons_in_their_names(deepdx):
    (first, names), (second, _) = voices_of(KEYS), voices_of(DEMO / "Basses" / "EBASS1.syx")
    with zipfile.ZipFile("a:b.zip", "w") as archive:
        archive.writestr("1.syx", write_single(second[:1], text_to_names(["ONE"])))
        archive.writestr("2.syx", write_bank(first, text_to_names(names)))
        archive.write(DEMO / "Basses" / "EBASS1.syx", "3.syx")
    for slot, voice, name in (1, second[0], "ONE"), (2, first[1], names[1]):
        found, found_name = load_voice(Path("a:b.zip"), slot)
        assert (found == voice).all()
        assert found_name == name
    assert generated(deepdx, "--like", "a:b.zip:2", "--count", 2)[:2].any()


@pytest.mark.parametrize(
    ("file", "slot", "reason"),
    [
        (KEYS, 33, "EPIANOS1.syx: no slot 33: the last is 32"),
        (Path("nowhere.syx"), 1, "nowhere.syx: no voices: cannot be read: No such file"),
        (NET / "voice_list.syx", 1, "voice_list.syx: no voices: .*text, not a dump"),
    ],
)
def test_missing_slots_are_refused(deepdx, file, slot, reason):
    with pytest.raises(NoVoiceError, match=reason):
        load_voice(file, slot)
    code, _, errors = deepdx("generate", "--like", f"{file}:{slot}", "-o", "out.syx")
    assert code == 1
    assert re.search(reason, errors)
    assert not Path("out.syx").exists()


@pytest.mark.parametrize(
    ("file", "fault"), [("bytes_over_127.syx", "byte-over-127"), ("out_of_range.syx", "out-of-range")]
)
def test_a_voice_that_is_not_legal_is_refused(deepdx, file, fault):
    _, voices = inspect_files([NET / file])
    slot, name = voices.filter(~voices["valid"]).select("slot", "name").row(0)
    code, _, errors = deepdx("generate", "--between", f"{KEYS}:1", f"{NET / file}:{slot}", "-o", "out.syx")
    assert code == 1
    assert f"{file}: slot {slot} ({name}) is not a legal voice: {fault}" in errors
    assert not Path("out.syx").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--label", "Kazoo"), "unknown label 'Kazoo'; use Pianos, Bass, or one of their categories"),
        (("--algorithm", 33), "Invalid value for '--algorithm'"),
        (("--algorithm", 0), "Invalid value for '--algorithm'"),
        (("--count", 0), "Invalid value for '--count'"),
        (("--count", 32 * 99 + 1), "Invalid value for '--count'"),
        (("--seed", -1), "Invalid value for '--seed'"),
        (("--temperature", 0), "Invalid value for --temperature: must be within 0.05 and 5, got 0.0"),
        (("--temperature", "nan"), "Invalid value for --temperature: must be within 0.05 and 5, got nan"),
        (("--novelty", 0), "Invalid value for --novelty: must be over 0, got 0.0"),
        (
            ("--like", f"{KEYS}:1", "--strength", 1.5),
            "Invalid value for --strength: must be over 0 and at most 1, got 1.5",
        ),
        (("--strength", 0.5), "Invalid value for --strength: needs --like"),
        (
            ("--like", f"{KEYS}:1", "--between", f"{KEYS}:1", f"{KEYS}:2"),
            "Invalid value for --between: cannot be combined with --like",
        ),
        (
            ("--like", f"{KEYS}:1", "--novelty", 2),
            "Invalid value for --novelty: cannot be combined with --like, --parents or --between",
        ),
        (("--set", "feedback=8"), "Invalid value for --set: feedback is 8, its range is 0 to 7"),
        (("--set", "loudness=8"), "Invalid value for --set: 'loudness' is no parameter"),
        (("--set", "feedback"), "Invalid value for --set: 'feedback' is not NAME=VALUE"),
        (("--set", "feedback=²"), "is not NAME=VALUE"),
        (("--set", "algorithm=4"), "use --algorithm, which counts from 1 as on the panel"),
        (("--keep", "op1", "--novelty", "inf"), "Invalid value for --keep: needs a voice to keep parts of"),
        (("--like", f"{KEYS}:1", "--keep", "op1,op9"), "Invalid value for --keep: 'op9' is none of op1, op2"),
        (("--parents", f"{KEYS}:1"), "Invalid value for --parents: needs 2 to 8 voices"),
        (("--parents", f"{KEYS}:1", "--parents", KEYS), "is not FILE:SLOT"),
        (
            ("--between", f"{KEYS}:1", f"{KEYS}:2", "--algorithm", 5),
            "Invalid value for --algorithm: cannot be combined with --between",
        ),
        (("--like", KEYS), "is not FILE:SLOT, such as EPIANOS1.syx:5"),
        (("--like", f"{KEYS}:0"), "is not FILE:SLOT"),
        (("--like", ""), "is not FILE:SLOT"),
        (("--between", f"{KEYS}:1", KEYS), "is not FILE:SLOT"),
    ],
)
def test_invalid_options_are_a_usage_error(deepdx, options, message):
    code, _, errors = deepdx("generate", *options, "-o", "out.syx")
    assert code == 2
    assert message in errors
    assert not list(Path().iterdir())


def forbid_loading(monkeypatch):
    """Fail the test if a model is loaded."""
    monkeypatch.setattr(fulfillment, "load_model", lambda folder: pytest.fail("the model was loaded"))


@pytest.mark.parametrize(
    ("create", "reason"),
    [
        (lambda path: path.mkdir(), "out.syx: is a folder"),
        (lambda path: path.write_bytes(b"mine"), "out.syx: exists already; nothing was written (--force overwrites)"),
        (lambda path: os.mkfifo(path), "out.syx: not a regular file"),
        (lambda path: path.symlink_to("/dev/full"), "out.syx: not a regular file"),
        (lambda path: path.symlink_to("nowhere/else.syx"), "out.syx: there is no folder"),
    ],
    ids=["a folder", "a file", "a FIFO", "a device", "a link to nowhere"],
)
def test_an_existing_output_is_refused_before_the_model_is_loaded(deepdx, monkeypatch, create, reason):
    forbid_loading(monkeypatch)
    create(Path("out.syx"))
    before = os.lstat("out.syx")
    code, _, errors = deepdx("generate", "-o", "out.syx")
    assert code == 1
    assert reason in errors
    assert os.lstat("out.syx") == before


def test_each_of_several_banks_is_checked_for_an_existing_file(deepdx, monkeypatch):
    forbid_loading(monkeypatch)
    Path("out-02.syx").write_bytes(b"mine")
    code, _, errors = deepdx("generate", "--count", 40, "-o", "out.syx")
    assert code == 1
    assert "out-02.syx: exists already" in errors
    assert [path.name for path in Path().iterdir()] == ["out-02.syx"]


def test_missing_folders_are_not_created(deepdx, monkeypatch):
    forbid_loading(monkeypatch)
    code, _, errors = deepdx("generate", "-o", "new/out.syx")
    assert code == 1
    assert "new/out.syx: there is no folder" in errors
    assert not Path("new").exists()


@pytest.mark.parametrize("name", ["x.wav", "x", "x.syx.txt", ".syx", "x.mid\x1b[31m"])
def test_a_bank_must_have_the_extension_syx(deepdx, monkeypatch, name):
    forbid_loading(monkeypatch)
    code, _, errors = deepdx("generate", "-o", name)
    assert code == 2
    assert "does not end in .syx" in errors
    assert "\x1b" not in errors
    assert not list(Path().iterdir())


def test_force_overwrites_the_target_of_a_link(deepdx):
    Path("bank.syx").write_bytes(b"old")
    Path("link.SYX").symlink_to("bank.syx")
    assert deepdx("generate", "--count", 2, "--force", "-o", "link.SYX")[0] == 0
    assert Path("link.SYX").is_symlink()
    assert len(voices_of("bank.syx")[1]) == 32


def test_all_banks_are_written_or_none(deepdx):
    for name in ("out-01.syx", "out-02.syx"):
        Path(name).write_bytes(b"old")
    write_bytes = Path.write_bytes
    full = OSError(errno.ENOSPC, "No space left on device")

    def fails(own, data):
        if own.name == "out-02.syx":
            raise full
        return write_bytes(own, data)

    with patch.object(Path, "write_bytes", fails):
        assert deepdx("generate", "--count", 40, "--force", "-o", "out.syx")[0] == 1
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == dict.fromkeys(
        ("out-01.syx", "out-02.syx"), b"old"
    )


@pytest.mark.parametrize(
    ("text", "label", "notice"),
    [
        ("bass", "Bass", ""),
        ("PIANOS", "Pianos", ""),
        ("electric-piano", "Pianos", "electric-piano belongs to Pianos; the model knows only labels"),
        ("Electric-Piano", "Pianos", "electric-piano belongs to Pianos"),
    ],
)
def test_labels_and_categories_are_matched_in_any_case(deepdx, text, label, notice):
    assert deepdx("generate", "--count", 4, "--label", label, "-o", "label.syx")[0] == 0
    code, _, errors = deepdx("generate", "--count", 4, "--label", text, "-o", "text.syx")
    assert code == 0
    assert notice in errors
    assert bool(notice) == bool(errors)
    assert Path("label.syx").read_bytes() == Path("text.syx").read_bytes()


@pytest.mark.parametrize("text", ["Kazoo", "choir", "Pads", "\x1b[31m", ""])
def test_a_label_unknown_to_the_model_is_refused_before_it_is_loaded(deepdx, monkeypatch, text):
    forbid_loading(monkeypatch)
    code, _, errors = deepdx("generate", "--label", text, "-o", "out.syx")
    assert code == 2
    assert "unknown label" in errors
    assert "use Pianos, Bass, or one of their categories" in errors
    assert "\x1b" not in errors


def test_steps_between_two_voices_are_named_after_them(deepdx):
    names = voices_of(KEYS)[1]
    first, last = names[4], names[20]
    assert deepdx("generate", "--between", f"{KEYS}:5", f"{KEYS}:21", "-o", "steps.syx")[0] == 0
    steps = voices_of("steps.syx")[1]
    assert (steps[0], steps[-1]) == (first, last)
    assert len(set(steps)) == 32
    stems = {re.sub("[ 0-9]+$", "", name)[:5].rstrip() for name in (first, last)}
    assert {name[:5].rstrip(" 0123456789") for name in steps} <= stems


def test_variations_are_named_after_their_voice_independently_of_the_count(deepdx):
    for count, name in (3, "few.syx"), (9, "more.syx"):
        assert deepdx("generate", "--like", f"{KEYS}:5", "--count", count, "-o", name)[0] == 0
    few, more = voices_of("few.syx")[1][:3], voices_of("more.syx")[1][:9]
    assert few == more[:3]
    stem = re.sub("[ 0-9]+$", "", voices_of(KEYS)[1][4])
    assert all(name.startswith(stem[:7].rstrip()) for name in more)


def test_names_added_to_the_corpus_since_are_not_used(deepdx, home):
    assert deepdx("generate", "--count", 8, "-o", "before.syx")[0] == 0
    before = voices_of("before.syx")[1][:8]
    home.inbox.joinpath("new.syx").write_bytes(
        write_bank(np.tile(INIT_VOICE, (8, 1)), text_to_names([name.lower() for name in before]))
    )
    decode_inbox(home)
    assert deepdx("generate", "--count", 8, "-o", "after.syx")[0] == 0
    parameters, after = voices_of("after.syx")
    assert (parameters == voices_of("before.syx")[0]).all()
    assert not set(before) & set(after[:8])


def test_user_rules_reject_candidates(deepdx, home, monkeypatch):
    monkeypatch.setattr(sampling, "_HOPELESS", 300)
    (home.root / "rules.toml").write_text(
        '[rule.no-voice]\nverdict = "corrupt"\nreason = "none is good enough"\nwhen = "algorithm >= 0"\n'
    )
    code, _, errors = deepdx("generate", "--count", 2, "-o", "out.syx")
    assert code == 1
    assert "voices were made; rejected candidates: " in errors
    assert "no-voice" in errors
    assert not Path("out.syx").exists()


def test_candidates_are_rendered_unless_that_is_declined(deepdx, monkeypatch):
    rendered = []
    rejection_reasons = sampling.rejection_reasons

    def recorded(parameters, rules, audio, unpitched):
        rendered.append(audio is not None)
        return rejection_reasons(parameters, rules, audio, unpitched)

    monkeypatch.setattr(sampling, "rejection_reasons", recorded)
    for options, by_ear in ((), True), (("--by-ear",), True), (("--not-by-ear",), False):
        rendered.clear()
        assert deepdx("generate", "--count", 2, *options, "--force", "-o", "out.syx")[0] == 0
        assert set(rendered) == {by_ear}


def test_a_damaged_model_is_refused(deepdx, home):
    weights = home.models / "champion" / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:1000])
    code, _, errors = deepdx("generate", "-o", "out.syx")
    assert code == 1
    assert WEIGHTS in errors


def test_without_a_model_the_message_names_deepdx_run(home, tmp_path, capsys):
    with pytest.raises(registry.NoModelError, match="deepdx run"):
        registry.champion_folder(Home(tmp_path))
    code, _, errors = run_deepdx(capsys, "generate", "-o", tmp_path / "out.syx")
    assert code == 1
    assert "deepdx run" in errors
    assert not (tmp_path / "out.syx").exists()


def test_banks_of_a_sample_hold_its_voices_and_names(models, tmp_path):
    model = load_model(models / "champion")
    sample = Sample(model.voices.parameters[:40], model.voices.labels[:40], {})
    names = draw_names(model, sample, 3)
    assert len(set(names)) == 40
    assert names == draw_names(model, sample, 3) != draw_names(model, sample, 4)
    for number, bank in enumerate(encode_banks(sample, names)):
        Path(tmp_path / "bank.syx").write_bytes(bank)
        parameters, found = voices_of(tmp_path / "bank.syx")
        own = slice(32 * number, 32 * number + 32)
        count = len(names[own])
        assert (parameters[:count] == sample.parameters[own]).all()
        assert found == [*names[own], *["INIT VOICE"] * (32 - count)]


def run_order(home, **config):
    """Run the job `generate_bank` with a configuration."""
    job = build_defs(home).resolve_job_def("generate_bank")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance, raise_on_error=False, run_config={"ops": {"order": {"config": config}}}
        )
        observed = instance.fetch_observations(dg.AssetKey("generated_banks"), limit=1).records
    failures = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    return result, observed[0].asset_observation.metadata if observed else {}, failures


def test_the_job_writes_the_bank_of_the_command_and_reports_it(deepdx, home):
    assert deepdx("generate", "--label", "Bass", "--seed", 3, "-o", "bass.syx")[0] == 0
    result, metadata, _ = run_order(home, label="bass", seed=3)
    assert result.success
    assert (home.banks / "bass-seed-3.syx").read_bytes() == Path("bass.syx").read_bytes()
    _, names = voices_of("bass.syx")
    table = metadata["voices"].md_str.splitlines()
    assert len(table) == 2 + 32 and "| slot | name | algorithm | character |" in table[0]
    assert names[0].split()[0] in html.unescape(table[2])
    assert Path(metadata["bass-seed-3_file"].path).is_file()


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"label": "Kazoo"}, "label: unknown label 'Kazoo'"),
        ({"strength": 0.5}, "strength: needs `like`"),
        ({"between": ["a:1"]}, "between: needs two voices, each FILE:SLOT"),
        ({"output": "../out.syx"}, "output: '../out.syx' is not a plain file name"),
        ({"output": "out.txt"}, "not a plain file name that ends in .syx"),
        ({"temperature": 0}, "temperature: must be within 0.05 and 5"),
    ],
)
def test_an_order_that_cannot_be_filled_is_refused_and_writes_nothing(deepdx, home, config, reason):
    result, _, (error,) = run_order(home, **config)
    assert not result.success
    assert reason in step_error_message(error)
    assert not list(home.banks.glob("*.syx"))


def test_a_bank_of_the_job_is_never_replaced_unless_asked(deepdx, home):
    assert run_order(home, count=2, output="mine.syx")[0].success
    first = (home.banks / "mine.syx").read_bytes()
    assert not run_order(home, count=2, seed=1, output="mine.syx")[0].success
    assert (home.banks / "mine.syx").read_bytes() == first
    assert run_order(home, count=2, seed=1, output="mine.syx", overwrite=True)[0].success
    assert (home.banks / "mine.syx").read_bytes() != first


def test_the_form_of_the_job_has_every_key_with_its_value_and_meaning(home):
    job = build_defs(home).resolve_job_def("generate_bank")
    shown = job.run_config["ops"]["order"]["config"]
    assert shown.keys() == OrderConfig.model_fields.keys()
    assert all(field.description for field in OrderConfig.model_fields.values())


# Models


@pytest.fixture
def gan(deepdx, home):
    """A GAN in the registry, next to the champion. Return its id."""
    model = trained_gan()
    save_model(home.models / ("ab12" * 4), model)
    row = {"model_id": "ab12" * 4, "judged": 2, "role": "beaten", "reason": "worse", "kind": "gan", "c2st": 0.99}
    Tables(home).write("models", pl.DataFrame([row], schema=TABLES["models"].create_empty().schema))
    return row["model_id"]


def test_a_model_is_chosen_by_kind_or_id(deepdx, gan):
    by_kind, by_id = (generated(deepdx, "--model", name, "--label", "high") for name in ("gan", gan[:6].upper()))
    by_champion = generated(deepdx)
    assert (by_kind == by_id).all()
    assert (by_kind != by_champion).any()


def test_a_missing_model_is_an_error_that_says_what_to_do(deepdx):
    code, _, errors = deepdx("generate", "--model", "gan", "-o", "out.syx")
    assert code == 1
    assert "no GAN yet" in errors
    assert "deepdx run --model gan" in errors
    code, _, errors = deepdx("generate", "--model", "0123", "-o", "out.syx")
    assert code == 1
    assert "no model '0123'" in errors


@pytest.mark.parametrize(
    "options",
    [
        ("--like", f"{DEMO}/Keys/EPIANOS1.syx:1"),
        ("--novelty", "2"),
        ("--between", f"{DEMO}/Keys/EPIANOS1.syx:1", f"{DEMO}/Keys/EPIANOS1.syx:2"),
        ("--parents", f"{DEMO}/Keys/EPIANOS1.syx:1", "--parents", f"{DEMO}/Keys/EPIANOS1.syx:2"),
    ],
    ids=lambda options: options[0],
)
def test_a_gan_refuses_what_needs_a_writer(deepdx, gan, options):
    code, _, errors = deepdx("generate", "--model", "gan", *options, "-o", "out.syx")
    assert code == 2
    assert f"{options[0]}: needs a writer, and this model is a GAN" in " ".join(errors.split())
    assert "--model chooses another" in " ".join(errors.split())
    assert not Path("out.syx").exists()
