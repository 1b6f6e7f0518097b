"""Storage of models: saved models load unchanged, and anything else is refused."""

import hashlib
import json
import struct
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from deepdx_core.generation import model as model_module
from deepdx_core.generation import model_card
from deepdx_core.generation.critic import Critic, fit_critic
from deepdx_core.generation.model import WEIGHTS, load_model, save_model
from deepdx_core.generation.model_card import MODEL_CARD, ModelError
from deepdx_core.generation.request import SamplingRequest
from deepdx_core.generation.sampling import sample
from deepdx_core.sound.feature_bytes import FEATURE_BYTES
from deepdx_core.trees import Trees
from deepdx_core.writer.history import HISTORY
from deepdx_core.writer.model import ADDED_IN_FORMAT_7, Writer
from tests.support.toy_models import LABELS, TINY, blank_model, toy_voices

COUNT = 40
OF_WRITTEN = ("written", "written/labels")
OF_CRITIC = ("critic/columns", "critic/sent_right", "critic/children", "critic/values")


@pytest.fixture(scope="module")
def model():
    return blank_model()


@pytest.fixture(scope="module")
def original(tmp_path_factory, model):
    folder = tmp_path_factory.mktemp("model")
    save_model(folder, model)
    return folder


@pytest.fixture
def stored(tmp_path, original):
    for name in (MODEL_CARD, WEIGHTS):
        (tmp_path / name).write_bytes((original / name).read_bytes())
    return tmp_path


def test_a_stored_model_is_the_same_model(model, original):
    loaded = load_model(original)
    for part in ("config", "labels", "summary", "names"):
        assert getattr(loaded, part) == getattr(model, part)
    for kind in ("voices", "written"):
        voices, others = getattr(loaded, kind), getattr(model, kind)
        assert (voices.parameters == others.parameters).all()
        assert voices.parameters.dtype == np.uint8
        assert (voices.labels == others.labels).all()
        assert voices.labels.dtype == np.int64
    assert np.array_equal(loaded.history, model.history, equal_nan=True)
    assert (loaded.parents.cumulative == model.parents.cumulative).all()
    assert not loaded.writer.training
    weights, others = loaded.writer.state_dict(), model.writer.state_dict()
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    some = toy_voices(30, seed=3)
    assert (loaded.critic.realness(some) == model.critic.realness(some)).all()


def test_names_of_the_stored_tensors(original, model):
    with safe_open(original / WEIGHTS, framework="pt") as file:
        names = set(file.keys())
    others = {*(f"writer/{name}" for name in model.writer.state_dict()), "voices", "voices/labels", *OF_WRITTEN}
    assert names == others | {"parents", "differing", "history", *OF_CRITIC}


@pytest.mark.parametrize(
    "conditions", [SamplingRequest(), SamplingRequest("High", {"algorithm": 4})], ids=["any", "of a label"]
)
def test_a_stored_model_gives_the_same_voices(model, original, conditions):
    one, other = sample(load_model(original), 6, 1, conditions), sample(model, 6, 1, conditions)
    assert (one.parameters == other.parameters).all()
    assert (one.label_ids == other.label_ids).all()
    assert one.rejected == other.rejected


def test_a_model_is_stored_over_an_older_one(stored, model):
    save_model(
        stored, replace(model, labels=("A", "B", "C"), summary=model.summary.model_copy(update={"fingerprint": "new"}))
    )
    assert load_model(stored).labels == ("A", "B", "C")
    assert sorted(path.name for path in stored.iterdir()) == ["README.md", MODEL_CARD, WEIGHTS]


def changed_card(change):
    """Return a damage that changes the card and corrects its digest."""

    def damage(folder):
        path = folder / MODEL_CARD
        document = json.loads(path.read_text())
        change(document)
        if document.pop("digest", None):
            document["digest"] = model_card._compute_digest(document)
        path.write_text(json.dumps(document))

    return damage


def with_card(**changes):
    """Return a damage that puts other values into the card; those of `summary` and `config` into theirs."""

    def change(document):
        for key, value in changes.items():
            inner = isinstance(value, dict) and isinstance(document.get(key), dict)
            document[key] = document[key] | value if inner else value

    return changed_card(change)


def without_key(*keys):
    def change(document):
        for key in keys[:-1]:
            document[key].pop(keys[-1])
        if len(keys) == 1:
            document.pop(keys[0])

    return changed_card(change)


def changed_tensors(change):
    """Return a damage that changes the tensors, by name, and corrects the digests."""

    def damage(folder):
        path = folder / WEIGHTS
        with safe_open(path, framework="pt") as file:
            found = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata()
        change(found)
        save_file(found, path, metadata=metadata)
        with_card(weights=hashlib.sha256(path.read_bytes()).hexdigest())(folder)

    return damage


def with_value(name, value, at=0):
    return changed_tensors(lambda found: found[name].view(-1).__setitem__(at, value))


def with_tensor(name, make):
    return changed_tensors(lambda found: found.update({name: make(found.get(name))}))


def with_bytes(name, data):
    """Return a damage that writes other bytes, and corrects the digest."""

    def damage(folder):
        (folder / name).write_bytes(data)
        if name == WEIGHTS:
            with_card(weights=hashlib.sha256(data).hexdigest())(folder)

    return damage


def a_folder(name):
    def damage(folder):
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / MODEL_CARD).unlink(), f"{MODEL_CARD}: No such file"),
        (lambda folder: (folder / WEIGHTS).unlink(), f"{WEIGHTS}: not readable"),
        (a_folder(MODEL_CARD), f"{MODEL_CARD}: a folder, not a file"),
        (a_folder(WEIGHTS), f"{WEIGHTS}: not readable"),
        (with_bytes(MODEL_CARD, b"{"), f"{MODEL_CARD}: not a model card"),
        (with_bytes(MODEL_CARD, b""), f"{MODEL_CARD}: not a model card"),
        (with_bytes(MODEL_CARD, b"\xff\xfe{}"), f"{MODEL_CARD}: not a model card"),
        (with_bytes(MODEL_CARD, b"[" * 100_000), f"{MODEL_CARD}: not a model card"),
        (with_bytes(MODEL_CARD, b"[]"), f"{MODEL_CARD}: not a model card"),
        (with_bytes(WEIGHTS, b""), f"{WEIGHTS}: not readable"),
        (with_bytes(WEIGHTS, b"12345678901"), f"{WEIGHTS}: not readable"),
        (with_bytes(WEIGHTS, struct.pack("<Q", 1 << 62) + b"{}"), f"{WEIGHTS}: not readable"),
        (with_card(format=1), f"{MODEL_CARD}.*format: "),
        (with_card(labels=["A", "A", "B"]), f"{MODEL_CARD}.*labels: must be distinct"),
        (with_card(labels=[]), f"{MODEL_CARD}.*labels: "),
        (with_card(labels=["A", 1, "B"]), f"{MODEL_CARD}.*labels.1: "),
        (with_card(labels="ABC"), f"{MODEL_CARD}.*labels: "),
        (with_card(labels={"A": 0, "B": 1, "C": 2}), f"{MODEL_CARD}.*labels: "),
        (with_card(labels=None), f"{MODEL_CARD}: not a model card .labels: "),
        (with_card(labels=["A", "\x1b[31m", "B"]), f"{MODEL_CARD}.*labels.1: must be printable"),
        (with_card(labels=["A", "\ud800", "B"]), f"{MODEL_CARD}.*labels.1: must be printable"),
        (with_card(labels=["A", " ", "B"]), f"{MODEL_CARD}.*labels: must be distinct and not blank"),
        (with_card(wings=2), f"{MODEL_CARD}.*wings: "),
        (with_card(weights=7), f"{MODEL_CARD}.*weights: "),
        (with_card(weights=None), f"{MODEL_CARD}.*weights: "),
        (with_card(weights="0" * 64), f"{WEIGHTS}: damaged, or of another model"),
        (with_card(format=2), f"{MODEL_CARD}.*weights: "),
        (with_card(labels=["A", "B"]), f"{WEIGHTS}: does not hold"),
        (with_card(labels=[str(number) for number in range(256)]), f"{MODEL_CARD}.*labels: "),
        (with_card(config={"wings": 2}), f"{MODEL_CARD}.*unknown settings wings"),
        (with_card(config={"width": 32}), f"{WEIGHTS}: does not hold"),
        (with_card(config={"depth": 2}), f"{WEIGHTS}: does not hold"),
        (with_card(config={"width": "16"}), f"{MODEL_CARD}.*width: Input should be a valid integer"),
        (with_card(config=[]), f"{MODEL_CARD}: not a model card"),
        (with_card(summary={"fingerprint": "other"}), f"{WEIGHTS}: belongs to another"),
        (with_card(summary={"voices": "many"}), f"{MODEL_CARD}.*summary.voices: "),
        (with_card(summary={"steps": 1.5}), f"{MODEL_CARD}.*summary.steps: "),
        (with_card(summary={"critic_area": None}), f"{MODEL_CARD}.*summary.critic_area: "),
        (with_card(summary={"critic_area": 1.5}), f"{MODEL_CARD}.*summary.critic_area: "),
        (with_card(summary={"validation_c2st": -0.5}), f"{MODEL_CARD}.*summary.validation_c2st: "),
        (with_card(summary={"validation_loss": float("inf")}), f"{MODEL_CARD}.*summary.validation_loss: "),
        (with_card(summary={"validation_loss": float("nan")}), f"{MODEL_CARD}.*summary.validation_loss: "),
        (with_card(summary={"voices": -1}), f"{MODEL_CARD}.*summary.voices: "),
        (with_card(summary={"steps": 10**100}), f"{MODEL_CARD}.*summary.steps: "),
        (with_card(summary={"data_version": "\x1b[2J"}), f"{MODEL_CARD}.*summary.data_version: must be printable"),
        (with_card(summary={"wings": 2}), f"{MODEL_CARD}.*summary.wings: "),
        (with_card(summary=7), f"{MODEL_CARD}: not a model card"),
        (with_card(names={"taken": ["not a name"]}), f"{MODEL_CARD}.*names.taken.0: "),
        (with_card(names=[]), f"{MODEL_CARD}: not a model card"),
        *((without_key(key), f"{MODEL_CARD}.*{key}") for key in ("format", "config", "labels", "summary", "names")),
        *((without_key(key), f"{MODEL_CARD}.*{key}") for key in ("weights", "digest")),
        (without_key("summary", "fingerprint"), f"{MODEL_CARD}.*summary.fingerprint: "),
        (with_value("writer/output", float("nan")), f"{WEIGHTS}.*not finite"),
        (with_value("writer/bias", float("-inf"), at=-1), f"{WEIGHTS}.*not finite"),
        (with_tensor("writer/bias", lambda bias: bias.double() + 1e300), f"{WEIGHTS}.*not finite"),
        (with_value("writer/bias", 1e38), f"{WEIGHTS}.*of bias is beyond 1000"),
        (
            with_tensor("writer/output", lambda output: torch.full_like(output, -1e38)),
            f"{WEIGHTS}.*of output is beyond 1000",
        ),
        (with_tensor("history", lambda history: history.float()), f"{WEIGHTS}.*{HISTORY[0]}"),
        (with_tensor("history", lambda history: history[:, :3].contiguous()), f"{WEIGHTS}.*{HISTORY[0]}"),
        (with_tensor("history", lambda history: history[0]), f"{WEIGHTS}.*{HISTORY[0]}"),
        (with_tensor("writer/bias", lambda bias: bias[:, 1:].contiguous()), f"{WEIGHTS}: does not hold"),
        *(
            (changed_tensors(lambda found, name=name: found.pop(name)), f"{WEIGHTS}.*{name}")
            for name in (
                "writer/bias",
                "voices",
                "voices/labels",
                "written",
                "written/labels",
                "parents",
                "differing",
                "history",
                *OF_CRITIC,
            )
        ),
        (with_tensor("wings", lambda _: torch.ones(2)), f"{WEIGHTS}.*unknown tensor 'wings'"),
        (with_tensor("writer/wings", lambda _: torch.ones(2)), f"{WEIGHTS}.*unknown tensor 'writer/wings'"),
        (with_value("voices", 32, at=134), f"{WEIGHTS}.*its range is"),
        (with_tensor("voices", lambda voices: voices.int()), f"{WEIGHTS}: does not hold"),
        (with_tensor("voices", lambda voices: voices.bfloat16()), f"{WEIGHTS}: does not hold"),
        (with_tensor("voices", lambda voices: voices[:, :144].contiguous()), f"{WEIGHTS}: does not hold"),
        (with_tensor("voices", lambda voices: voices[:-1].contiguous()), f"{WEIGHTS}: does not hold"),
        (with_tensor("voices", lambda voices: voices[:0].contiguous()), f"{WEIGHTS}: does not hold"),
        (with_value("written", 100, at=0), f"{WEIGHTS}.*its range is"),
        (with_tensor("written", lambda voices: voices[:-1].contiguous()), f"{WEIGHTS}.*written: .*a label for each"),
        (
            changed_tensors(lambda found: found.update({name: found[name][:0] for name in OF_WRITTEN})),
            f"{WEIGHTS}.*written: ",
        ),
        (with_value("voices/labels", 3), f"{WEIGHTS}.*voices: label ids"),
        (with_value("written/labels", 3), f"{WEIGHTS}.*written: label ids"),
        (with_tensor("voices/labels", lambda ids: ids.float()), f"{WEIGHTS}.*voices: .*a label for each"),
        (with_tensor("voices/labels", lambda ids: ids[:, None].contiguous()), f"{WEIGHTS}.*voices: .*a label for each"),
        (with_value("parents", COUNT), f"{WEIGHTS}.*rows of voices"),
        (with_value("parents", -1, at=5), f"{WEIGHTS}.*rows of voices"),
        (with_tensor("parents", lambda rows: rows.float()), f"{WEIGHTS}.*parents for each voice"),
        (with_tensor("parents", lambda rows: rows[:, :0].contiguous()), f"{WEIGHTS}: does not hold"),
        (with_tensor("parents", lambda rows: rows[0]), f"{WEIGHTS}.*parents for each voice"),
        (with_tensor("differing", lambda differing: differing[:, 1:].contiguous()), f"{WEIGHTS}.*a distance"),
        (with_tensor("differing", lambda differing: differing.int()), f"{WEIGHTS}.*a distance"),
        (with_tensor("differing", lambda differing: torch.full_like(differing, 255)), f"{WEIGHTS}.*a distance"),
        (with_value("critic/columns", 146), f"{WEIGHTS}.*critic/columns"),
        (with_value("critic/columns", 255, at=-1), f"{WEIGHTS}.*critic/columns"),
        (with_value("critic/children", 61), f"{WEIGHTS}.*critic/children"),
        (with_value("critic/children", 255, at=-1), f"{WEIGHTS}.*critic/children"),
        (with_value("critic/children", 0, at=2), f"{WEIGHTS}.*critic/children"),  # back to the root: a circle
        (with_value("critic/children", 59, at=-1), f"{WEIGHTS}.*critic/children"),
        (with_value("critic/values", float("nan")), f"{WEIGHTS}.*critic/values"),
        (with_value("critic/values", float("-inf"), at=-1), f"{WEIGHTS}.*critic/values"),
        (with_value("critic/values", 1e300), f"{WEIGHTS}.*critic/values"),
        (with_tensor("critic/values", lambda values: values.float()), f"{WEIGHTS}.*critic/values"),
        (with_tensor("critic/values", lambda values: values.bfloat16()), f"{WEIGHTS}: does not hold"),
        (with_tensor("critic/children", lambda children: children.int()), f"{WEIGHTS}.*critic/children"),
        *(
            # The arrays no longer fit together, whichever of them has changed.
            (with_tensor(name, lambda array, keep=keep: keep(array).contiguous()), f"{WEIGHTS}.*critic/.* must be ")
            for name in OF_CRITIC
            for keep in (
                lambda array: array[:-1],
                lambda array: array[:0],
                lambda array: array[:, :-1],
                lambda array: array[0],
                lambda array: array.flatten(),
                lambda array: array.repeat(2, *[1] * (array.ndim - 1)),
            )
        ),
        (with_card(format=3), f"{WEIGHTS}.*unknown tensor 'critic/children'"),
    ],
)
def test_a_damaged_model_is_refused_and_the_file_is_named(stored, damage, reason):
    damage(stored)
    with pytest.raises(ModelError, match=reason):
        load_model(stored)


@pytest.mark.parametrize(
    "sizes",
    [
        {"width": 4096, "depth": 64},
        {"width": 1 << 40},
        {"depth": 1 << 40},
        {"width": 2, "heads": 2, "depth": 10**9},
    ],
)
def test_a_model_of_huge_sizes_is_refused_before_memory_is_allocated(stored, sizes):
    with_card(config=sizes)(stored)
    start = time.monotonic()
    with pytest.raises(ModelError, match="too large to load"):
        load_model(stored)
    assert time.monotonic() - start < 5


LARGEST = 1e3


@pytest.mark.parametrize("signs", ["all alike", "at random"])
def test_accepted_weights_never_make_scores_overflow(model, signs):
    writer = Writer(len(LABELS), TINY.replace(depth=3)).eval()
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weights in writer.parameters():
            weights.fill_(LARGEST)
            if signs == "at random":
                weights *= torch.randint(0, 2, weights.shape, generator=random) * 2 - 1
    made = sample(replace(model, writer=writer), 2, 0, SamplingRequest(temperature=0.05, choices=1, avoid_copies=False))
    assert made.parameters.shape == (2, 145)


def test_scores_that_are_not_finite_raise(model):
    writer = Writer(len(LABELS), TINY.replace(depth=1)).eval()
    with torch.no_grad():
        writer.bias.fill_(float("inf"))
    with pytest.raises(FloatingPointError, match="not finite"):
        sample(replace(model, writer=writer), 2, 0)


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.99, 0.99999])
def test_weights_cut_short_are_refused(stored, share):
    data = (stored / WEIGHTS).read_bytes()
    (stored / WEIGHTS).write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ModelError, match=f"{WEIGHTS}: damaged"):
        load_model(stored)
    with_card(weights=hashlib.sha256((stored / WEIGHTS).read_bytes()).hexdigest())(stored)
    with pytest.raises(ModelError, match=f"{WEIGHTS}: not readable"):
        load_model(stored)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PLACES = [
    *(("format",), ("config",), ("labels",), ("summary",), ("names",), ("labels", 0), ("names", "firsts")),
    *(("config", name) for name in ("seed", "width", "heads", "kv_heads", "dropout", "written", "mixed", "threads")),
    *(
        ("summary", name)
        for name in ("fingerprint", "data_version", "voices", "steps", "validation_loss", "critic_area")
    ),
    *(("names", name) for name in ("lasts", "numbers", "taken")),
]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), value=JSON)
def test_any_model_card_is_accepted_or_refused(stored, original, place, value):
    document = json.loads((original / MODEL_CARD).read_text())
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    (stored / MODEL_CARD).write_text(json.dumps(document))
    with_card()(stored)
    try:
        loaded = load_model(stored)
    except ModelError as error:
        assert str(stored) in str(error)
    else:
        assert all(isinstance(label, str) for label in loaded.labels)
        assert type(loaded.summary.validation_loss) is float


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 5000), byte=st.integers(0, 255))
def test_weights_with_a_wrong_byte_in_the_header_are_accepted_or_refused(stored, original, at, byte):
    data = bytearray((original / WEIGHTS).read_bytes())
    data[at] = byte
    with_bytes(WEIGHTS, bytes(data))(stored)
    try:
        loaded = load_model(stored)
    except ModelError as error:
        assert WEIGHTS in str(error)
    else:
        assert loaded.voices.parameters.shape == (COUNT, 145)


def test_a_model_of_format_3_without_a_critic_is_the_same_model(stored, model):
    changed_tensors(lambda found: [found.pop(name) for name in OF_CRITIC])(stored)
    with_card(format=3)(stored)
    loaded = load_model(stored)
    assert (loaded.config, loaded.summary, loaded.names) == (model.config, model.summary, model.names)
    assert np.array_equal(loaded.history, model.history, equal_nan=True)
    some = toy_voices(30, seed=3)
    assert (loaded.critic.realness(some) == model.critic.realness(some)).all()


def test_a_critic_by_ear_is_stored_too(tmp_path, model):
    voices, random = toy_voices(COUNT), np.random.default_rng(0)
    sound = [random.integers(0, 256, (COUNT, FEATURE_BYTES)).astype(np.uint8) for _ in range(2)]
    by_ear = fit_critic(voices, voices, 0, (sound[0], sound[1]))
    save_model(tmp_path, replace(model, critic_by_ear=by_ear))
    loaded = load_model(tmp_path)
    assert loaded.critic_by_ear.by_ear and not loaded.critic.by_ear
    assert (loaded.critic_by_ear.realness(voices, sound[0]) == by_ear.realness(voices, sound[0])).all()
    with_value("critic_by_ear/columns", 146 + FEATURE_BYTES)(tmp_path)
    with pytest.raises(ModelError, match=f"{WEIGHTS}.*columns must be below {146 + FEATURE_BYTES}"):
        load_model(tmp_path)


def test_a_model_of_format_4_has_a_smaller_critic_and_none_by_ear(stored, model):
    def earlier(found):
        for name in OF_CRITIC:
            found[name] = found[name][:101].contiguous()
        found["critic/columns"] = found["critic/columns"].to(torch.uint8)

    changed_tensors(earlier)(stored)
    with_card(format=4)(stored)
    loaded = load_model(stored)
    assert loaded.critic_by_ear is None
    assert np.isfinite(loaded.critic.realness(toy_voices(5))).all()


def test_a_writer_of_format_6_has_no_relations_and_heads_share_nothing(stored, model):
    changed_tensors(lambda found: [found.pop(f"writer/{name}") for name in ADDED_IN_FORMAT_7])(stored)
    with pytest.raises(ModelError, match=ADDED_IN_FORMAT_7[0]):
        load_model(stored)
    changed_card(lambda card: card["config"].pop("kv_heads"))(stored)
    with_card(format=6)(stored)
    assert load_model(stored).config == model.config  # each head has its own keys and values
    loaded, expected = load_model(stored).writer.state_dict(), model.writer.state_dict()
    assert loaded.keys() == expected.keys()
    for name, tensor in loaded.items():
        assert not tensor.any() if name in ADDED_IN_FORMAT_7 else torch.equal(tensor, expected[name])


def test_the_critic_is_loaded_and_not_fitted_again(stored, model, monkeypatch):
    monkeypatch.setattr(model_module, "fit_critic", lambda *_: pytest.fail("fitted"))
    some = toy_voices(30, seed=3)
    assert (load_model(stored).critic.realness(some) == model.critic.realness(some)).all()
    with_value("critic/values", 5.0)(stored)  # of the root of the first tree, the log-odds before any test
    assert (load_model(stored).critic.realness(some) > model.critic.realness(some) + 4).all()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 30), low=st.integers(0, 60))
def test_any_accepted_critic_gives_finite_scores(model, seed, low):
    random = np.random.default_rng(seed)
    nodes = np.arange(61)[:, None]
    arrays = {
        "columns": random.integers(0, 146, (101, 61)),
        "sent_right": random.integers(0, 256, (101, 61, 32)),
        "children": np.maximum(random.integers(low, 61, (101, 61, 2)), nodes),
    }
    trees = Trees(
        arrays["columns"].astype(np.uint16),
        arrays["sent_right"].astype(np.uint8),
        arrays["children"].astype(np.uint8),
        random.normal(0, 1e8, (101, 61)),
    )
    assert np.isfinite(Critic(trees).realness(toy_voices(20))).all()


def test_the_longest_walk_is_as_long_as_a_tree():
    children = np.broadcast_to(np.minimum(np.arange(61) + 1, 60)[:, None], (101, 61, 2)).astype(np.uint8)
    bits = np.zeros((101, 61, 32), dtype=np.uint8)
    trees = Trees(np.zeros((101, 61), dtype=np.uint16), bits, children, np.tile(np.arange(61.0), (101, 1)))
    assert (Critic(trees).realness(toy_voices(3)) == 60 * 101).all()


def test_a_card_with_millions_of_errors_is_refused_at_once(stored):
    document = json.loads((stored / MODEL_CARD).read_text())
    for change in (
        {str(number): 0 for number in range(1_000_000)},
        {"labels": [0] * 1_000_000},
        {"names": {"firsts": {"Bass": {str(number): 0 for number in range(1_000_000)}}}},
        {"names": document["names"] | {"taken": [0] * 1_000_000}},
    ):
        (stored / MODEL_CARD).write_text(json.dumps(document | change))
        start = time.monotonic()
        with pytest.raises(ModelError, match=MODEL_CARD):
            load_model(stored)
        assert time.monotonic() - start < 5


def test_a_model_of_format_2_without_checksums_is_the_same_model(stored, model):
    changed_tensors(lambda found: [found.pop(name) for name in ("history", *OF_CRITIC)])(stored)
    document = json.loads((stored / MODEL_CARD).read_text())
    document = {key: value for key, value in document.items() if key not in ("weights", "digest")} | {"format": 2}
    (stored / MODEL_CARD).write_text(json.dumps(document, indent=1))
    loaded = load_model(stored)
    assert (loaded.config, loaded.summary, loaded.names) == (model.config, model.summary, model.names)
    assert len(loaded.history) == 0
    assert (sample(loaded, 4, 1).parameters == sample(model, 4, 1).parameters).all()
    save_model(stored, loaded)
    assert json.loads((stored / MODEL_CARD).read_text())["format"] == 7
    assert (sample(load_model(stored), 4, 1).parameters == sample(model, 4, 1).parameters).all()


def test_a_digest_does_not_depend_on_the_layout_of_the_text(stored, model):
    document = json.loads((stored / MODEL_CARD).read_text())
    (stored / MODEL_CARD).write_text(json.dumps(document))
    assert load_model(stored).summary == model.summary


def test_a_folder_in_the_place_of_a_file_gives_way_to_a_new_model(stored, model):
    for name in (MODEL_CARD, WEIGHTS):
        a_folder(name)(stored)
        (stored / name / "something").write_text("in the way")
    save_model(stored, model)
    assert load_model(stored).summary == model.summary
