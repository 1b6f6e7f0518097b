"""Voices from a model: as requested, legal, new, and reproducible."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from deepdx_core.codec.packing import INIT_VOICE, MAXIMA, require_legal
from deepdx_core.dataset.arrays import Voices
from deepdx_core.dataset.distances import distances_to_closest
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING
from deepdx_core.evaluation.metrics.audio import NOISY_UNDER
from deepdx_core.generation import realness, sampling, training
from deepdx_core.generation.filters import NEVER_ENDS, rejection_reasons
from deepdx_core.generation.method import FittedWriter, TrainedMethod
from deepdx_core.generation.request import SamplingRequest
from deepdx_core.generation.sampling import CLOSE, SILENT, sample, sample_labels
from deepdx_core.generation.training import code_version, data_version, model_fingerprint
from deepdx_core.progress import silent
from deepdx_core.quality.rules import RulesError, load_rules
from deepdx_core.sound.audibility import is_inaudible
from deepdx_core.sound.audio_features import compute_voice_features, summarize_by_sound
from deepdx_core.sound.feature_bytes import FEATURE_BYTES, feature_bytes
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.versions import MODEL_VERSION
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES
from deepdx_core.voice.parts import part_columns
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.parents import SAMPLING_SLACK
from tests.support.toy_models import COARSE, LABELS, TINY, fit, toy_splits, toy_voices, trained_model

RULES = load_rules()


def sound_of(voices):
    """The audio features of voices, as bytes."""
    audio = compute_voice_features(voices.parameters, AudioFeatures.create_empty(), silent)
    return feature_bytes(voices.parameters, audio)


@pytest.fixture(scope="module")
def model():
    return trained_model()


@pytest.fixture(scope="module")
def many(model):
    return sample(model, 70, seed=3)


@pytest.fixture(scope="module")
def undertrained(tmp_path_factory):
    """A model after hardly any training, on few voices."""
    return fit(tmp_path_factory.mktemp("undertrained"), splits=toy_splits(60, 12))


def unlike(voices, other):
    return (voices != other).sum(axis=1)


def closest_within(voices):
    """Distance of each voice to the closest other."""
    apart = (voices[:, None] != voices[None]).sum(axis=2)
    np.fill_diagonal(apart, 145)
    return apart.min(axis=1)


def test_a_sample_has_the_requested_count_of_legal_audible_voices(many):
    assert many.parameters.shape == (70, 145)
    assert many.label_ids.shape == (70,)
    require_legal(many.parameters)
    assert not is_inaudible(many.parameters).any()


def test_no_voice_is_close_to_a_training_voice_or_to_another(model, many):
    assert distances_to_closest(many.parameters, model.voices.parameters).min() > MAX_DIFFERING
    assert closest_within(many.parameters).min() > MAX_DIFFERING


def test_no_voice_is_close_even_if_the_model_writes_few_others(model):
    request = SamplingRequest(temperature=0.3, label="Low")
    voices = sample(model, 12, seed=0, request=request)
    assert distances_to_closest(voices.parameters, model.voices.parameters).min() > MAX_DIFFERING
    assert closest_within(voices.parameters).min() > MAX_DIFFERING
    with_copies = sample(model, 12, seed=0, request=replace(request, avoid_copies=False))
    assert CLOSE not in with_copies.rejected
    assert voices.rejected[CLOSE] > 0
    assert closest_within(with_copies.parameters).min() <= MAX_DIFFERING


@pytest.mark.parametrize("count", [1, 5, 33])
def test_the_first_voices_do_not_depend_on_the_count(model, many, count):
    few = sample(model, count, seed=3)
    assert (few.parameters == many.parameters[:count]).all()
    assert (few.label_ids == many.label_ids[:count]).all()


def test_the_first_voices_do_not_depend_on_the_count_if_many_candidates_are_rejected(model, tmp_path):
    (tmp_path / "rules.toml").write_text('[rule.slow]\nverdict = "corrupt"\nreason = "slow"\nwhen = "lfo_speed < 60"\n')
    rules, request = load_rules(tmp_path / "rules.toml"), SamplingRequest(temperature=0.7)
    all_, few = (sample(model, count, seed=1, request=request, rules=rules) for count in (32, 7))
    assert all_.rejected["slow"] > 50
    assert (few.parameters == all_.parameters[:7]).all()


@pytest.mark.parametrize("seed", range(6))
def test_a_place_depends_on_earlier_ones_only_whatever_is_rejected(model, monkeypatch, seed):
    """Candidates are made up here: most are close to others, and some are rejected late, by their audio."""

    def candidates(model, request, labels, positions, random, attempt):
        voices = np.tile(INIT_VOICE, (len(labels), 1))
        voices[:, :60] = np.repeat(random.integers(0, 50, len(labels)), 60).reshape(-1, 60)
        voices[:, 60:66] = random.integers(0, 2, (len(labels), 6))
        return voices

    def rejection_reasons(voices, rules, audio, unpitched):
        return np.where((audio is not None) & (voices[:, :66].sum(axis=1) % 3 == 0), "out", "").astype(object)

    monkeypatch.setattr(sampling, "make_candidates", candidates)
    monkeypatch.setattr(sampling, "rejection_reasons", rejection_reasons)
    monkeypatch.setattr(sampling, "compute_voice_features", lambda *_: AudioFeatures.create_empty())
    monkeypatch.setattr(realness, "feature_bytes", lambda voices, _: np.zeros((len(voices), FEATURE_BYTES), np.uint8))
    monkeypatch.setattr(sampling, "is_inaudible", lambda voices: np.zeros(len(voices), dtype=bool))
    request = SamplingRequest(choices=2)
    whole = sample(model, 36, seed, request, rules=RULES, render=True).parameters
    assert closest_within(whole).min() > MAX_DIFFERING
    assert (rejection_reasons(whole, RULES, True, None) == "").all()
    for count in range(1, 36):
        assert (sample(model, count, seed, request, rules=RULES, render=True).parameters == whole[:count]).all()


def test_a_sample_depends_on_its_seed_only(model, many):
    torch.manual_seed(99)
    again = sample(model, 70, seed=3)
    assert (again.parameters == many.parameters).all()
    assert again.rejected == many.rejected
    assert (sample(model, 5, seed=4).parameters != many.parameters[:5]).any(axis=1).all()


def test_torch_is_left_as_it_was(model):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    sample(model, 1, seed=0)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("label", LABELS)
def test_voices_have_the_requested_label(model, label):
    voices = sample(model, 32, seed=0, request=SamplingRequest(label=label))
    assert (voices.label_ids == LABELS.index(label)).all()
    coarse = voices.parameters[:, INDEX["op1_coarse"]]
    shares = {name: (coarse == value).mean() for name, value in zip(LABELS, COARSE, strict=True)}
    assert max(shares, key=shares.get) == label
    assert shares[label] > 0.4


def test_labels_are_distributed_as_in_training_unless_requested(model):
    labels = sample(model, 64, seed=0).label_ids
    assert np.bincount(labels) / 64 == pytest.approx(
        np.bincount(model.voices.labels) / len(model.voices.labels), abs=0.2
    )


@pytest.mark.parametrize("algorithm", [1, 32])
def test_voices_have_the_requested_algorithm(model, algorithm):
    voices = sample(model, 5, seed=0, request=SamplingRequest("High", {"algorithm": algorithm - 1}))
    assert (voices.parameters[:, INDEX["algorithm"]] == algorithm - 1).all()
    assert (voices.label_ids == 1).all()


def test_values_are_in_every_voice_and_the_others_still_vary(model):
    values = {"feedback": 7, "op1_coarse": COARSE[1], "op6_eg_rate_4": 12, "algorithm": 21}
    columns = [INDEX[name] for name in values]
    made = sample(model, 12, seed=0, request=SamplingRequest("High", values)).parameters
    require_legal(made)
    assert (made[:, columns] == list(values.values())).all()
    assert closest_within(made).min() > MAX_DIFFERING
    assert distances_to_closest(made, model.voices.parameters).min() > MAX_DIFFERING


def test_voices_derive_from_training_voices_with_the_values(model):
    """Without a label, labels are drawn from voices with the value. In toy voices, operator 1 determines the label."""
    found = sample(model, 32, seed=0, request=SamplingRequest(set={"op1_coarse": COARSE[2]}))
    assert (found.label_ids == 2).mean() > 0.9
    rare = SamplingRequest(set={"op1_coarse": 7})  # no training voice has it
    assert len(np.unique(sample(model, 32, seed=0, request=rare).label_ids)) == 3


def test_nearly_all_parameters_may_be_given(model):
    voice = model.voices.parameters[5]
    values = {name: int(voice[INDEX[name]]) for name in PARAMETER_NAMES if not name.startswith("op3_eg")}
    made = sample(model, 4, seed=0, request=SamplingRequest(set=values)).parameters
    assert (made[:, [INDEX[name] for name in values]] == list(values.values())).all()
    assert closest_within(made).min() > 0


def test_values_and_kept_parts_mix_with_a_voice(model):
    voice = toy_voices(60, seed=5).parameters[7]
    values = {"op2_coarse": 9, "feedback": 3}
    request = SamplingRequest("Low", values, like=voice, keep=("op1", "op2"), strength=0.1)
    made = sample(model, 8, seed=0, request=request)
    expected = voice.copy()
    expected[[INDEX[name] for name in values]] = list(values.values())
    kept = part_columns(["op1", "op2", "feedback"])
    assert (made.parameters[:, kept] == expected[kept]).all()
    assert (made.label_ids == 0).all()
    # The strength counts what may change beside them.
    assert 3 <= np.median(unlike(made.parameters, expected)) <= 25


def test_parts_are_kept_of_the_voice_that_each_derives_from(model):
    made = sample(model, 24, seed=0, request=SamplingRequest(keep=("envelopes",))).parameters
    kept = part_columns(["envelopes"])
    of_training = {voice.tobytes() for voice in model.voices.parameters[:, kept]}
    assert all(voice.tobytes() in of_training for voice in made[:, kept])
    assert len({voice.tobytes() for voice in made[:, kept]}) > 5
    without = sample(model, 24, seed=0).parameters
    assert not all(voice.tobytes() in of_training for voice in without[:, kept])


def test_sample_labels_gives_a_voice_for_each_label(model):
    labels = np.array([2, 0, 1, 1, 2] * 6)
    voices = sample_labels(model, labels, seed=0)
    assert (voices.label_ids == labels).all()
    right = voices.parameters[:, INDEX["op1_coarse"]] == np.array(COARSE)[labels]
    assert right.mean() > 0.5
    assert (sample_labels(model, labels, seed=0).parameters == voices.parameters).all()
    assert len(sample_labels(model, labels[:0], seed=0).parameters) == 0


@pytest.mark.parametrize(("strength", "least", "most"), [(0.01, 6, 20), (0.05, 6, 20), (0.15, 9, 40)])
def test_variations_differ_from_the_voice_by_about_the_requested_strength(model, strength, least, most):
    voice = model.voices.parameters[5]
    made = sample(model, 24, seed=0, request=SamplingRequest(like=voice, strength=strength))
    assert unlike(made.parameters, voice).min() > MAX_DIFFERING
    assert least <= np.median(unlike(made.parameters, voice)) <= most
    assert (made.label_ids == model.voices.labels[5]).all()


def test_a_higher_strength_gives_more_distant_variations(model):
    voice = model.voices.parameters[5]
    by_strength = [
        np.mean(
            unlike(sample(model, 24, seed=0, request=SamplingRequest(like=voice, strength=strength)).parameters, voice)
        )
        for strength in (0.02, 0.15)
    ]
    assert by_strength[0] < by_strength[1] - 2


def test_no_variation_is_close_to_the_voice_itself_even_if_no_training_voice_is(model):
    voice = toy_voices(60, seed=5).parameters[7]
    assert distances_to_closest(voice[None], model.voices.parameters)[0] > MAX_DIFFERING
    made = sample(model, 8, seed=0, request=SamplingRequest(like=voice, strength=0.01))
    assert unlike(made.parameters, voice).min() > MAX_DIFFERING


@pytest.mark.parametrize("count", [2, 9, 40])
def test_voices_between_two_lead_from_one_to_the_other(model, count):
    one, other = toy_voices(60, seed=5).parameters[[8, 31]]
    made = sample(model, count, seed=0, request=SamplingRequest(between=(one, other))).parameters
    require_legal(made)
    assert len(made) == count
    assert (made[0] == one).all()
    assert (made[-1] == other).all()


def test_voices_between_two_resemble_both(model):
    one, other = toy_voices(60, seed=5).parameters[[8, 31]]
    request = SamplingRequest(between=(one, other))
    made = np.stack([sample(model, 9, seed, request).parameters for seed in range(4)])
    low, high = np.minimum(one, other), np.maximum(one, other)
    assert ((made >= low) & (made <= high)).mean(axis=2).min() > 0.75
    from_one, from_other = ((made != end).sum(axis=2).mean(axis=0) for end in (one, other))
    assert from_one[1] < from_one[7]
    assert from_other[7] < from_other[1]
    assert max(from_one[4], from_other[4]) < from_one[8]


def test_the_ends_of_an_interpolation_are_never_rejected(model):
    mute = INIT_VOICE.copy()
    mute[[INDEX[f"op{operator}_output_level"] for operator in range(1, 7)]] = 0
    made = sample(model, 4, seed=0, request=SamplingRequest(between=(INIT_VOICE, mute)), rules=None)
    assert (made.parameters[[0, -1]] == [INIT_VOICE, mute]).all()
    between = SamplingRequest(between=(INIT_VOICE, model.voices.parameters[3]))
    made = sample(model, 3, seed=0, request=between, rules=RULES)
    assert rejection_reasons(INIT_VOICE[None], RULES, None, np.ones(1, dtype=bool))[0] != ""
    assert (made.parameters[[0, -1]] == between.between).all()


def test_one_voice_between_two_is_the_first(model):
    made = sample(
        model, 1, seed=0, request=SamplingRequest(between=(model.voices.parameters[0], model.voices.parameters[9]))
    )
    assert (made.parameters[0] == model.voices.parameters[0]).all()


def test_more_novelty_gives_voices_further_from_training_voices(model):
    near, far, none = (
        distances_to_closest(
            sample(model, 32, seed=0, request=SamplingRequest(novelty=novelty)).parameters, model.voices.parameters
        )
        for novelty in (0.5, 2.0, np.inf)
    )
    assert near.mean() < far.mean() - 1
    assert none.min() > MAX_DIFFERING


def test_huge_novelty_is_capped(model):
    most, more = (
        sample(model, 3, seed=0, request=SamplingRequest(novelty=novelty)).parameters for novelty in (145.0, 1e300)
    )
    assert (most == more).all()


def test_more_choices_give_higher_realness(model):
    real = [
        model.critic.realness(Voices(some.parameters, some.label_ids, some.label_ids)).mean()
        for some in (sample(model, 48, seed=0, request=SamplingRequest(choices=choices)) for choices in (1, 8))
    ]
    assert real[1] > real[0] + 0.5


def test_candidates_compete_for_all_places_of_a_label_by_their_odds(model):
    """With a preference far stronger than chance, the sample is the best candidates of the whole batch, each once."""
    seen = []

    def prefer(candidates, audio):
        seen.append(candidates)
        return 1000.0 * candidates[:, INDEX["lfo_speed"]]

    request = SamplingRequest(label="Low", preferences=(prefer,))
    made = sample(model, 32, seed=0, request=request).parameters
    assert len(seen) == 1 and len(seen[0]) > 64
    ranked = np.sort(seen[0][:, INDEX["lfo_speed"]])[::-1]
    assert made[:, INDEX["lfo_speed"]].min() >= ranked[40]  # some of the best are too close to each other
    assert len(np.unique(made, axis=0)) == 32
    # The first voices are no better than the last.
    assert abs(np.corrcoef(np.arange(32), made[:, INDEX["lfo_speed"]])[0, 1]) < 0.6


def test_a_lower_temperature_gives_more_similar_voices(model):
    cold, hot = (
        closest_within(sample(model, 16, seed=0, request=SamplingRequest(temperature=temperature)).parameters)
        for temperature in (0.5, 1.5)
    )
    assert cold.mean() < hot.mean() - 3


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"temperature": 0.04}, "temperature must be within"),
        ({"temperature": 5.1}, "temperature must be within"),
        ({"temperature": float("nan")}, "temperature must be within"),
        ({"novelty": 0.0}, "novelty must be over 0"),
        ({"novelty": float("nan")}, "novelty must be over 0"),
        ({"choices": 0}, "choices must be within 1 and 256"),
        ({"choices": 257}, "choices must be within 1 and 256"),
        ({"strength": 0.0}, "strength must be over 0"),
        ({"strength": 1.1}, "strength must be over 0"),
        ({"set": {"feedback": 8}}, "set feedback is 8, its range is 0 to 7"),
        ({"set": {"op1_coarse": -1}}, "set op1_coarse is -1, its range is 0 to 31"),
        ({"set": {"op7_coarse": 1}}, "set 'op7_coarse' is no parameter"),
        ({"set": {"feedback": 1}, "between": (INIT_VOICE, INIT_VOICE)}, "set cannot be combined with `between`"),
        ({"set": dict.fromkeys(PARAMETER_NAMES, 1)}, "set leaves nothing to change"),
        ({"keep": ("op1",), "novelty": float("inf")}, "keep needs a voice"),
        ({"like": INIT_VOICE, "between": (INIT_VOICE, INIT_VOICE)}, "exclude each other"),
        ({"like": MAXIMA + 1}, "its range is"),
        ({"like": INIT_VOICE[:144]}, "expected uint8"),
        ({"between": (INIT_VOICE, MAXIMA + 1)}, "its range is"),
    ],
)
def test_a_request_out_of_range_is_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        SamplingRequest(**options)


@pytest.mark.parametrize("temperature", [0.05, 5])
def test_any_temperature_within_bounds_makes_voices(model, temperature):
    request = SamplingRequest(temperature=temperature, avoid_copies=False)
    require_legal(sample(model, 3, seed=0, request=request).parameters)


def test_an_unknown_label_is_refused_and_the_known_are_named(model):
    with pytest.raises(ValueError, match=r"'Spoons'.*Low, High, Perc"):
        sample(model, 4, seed=0, request=SamplingRequest(label="Spoons"))


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_below_1_is_refused(model, count):
    with pytest.raises(ValueError, match="at least 1"):
        sample(model, count, seed=0)


def user_rules(folder, when):
    path = folder / "rules.toml"
    path.write_text(f'[rule.mine]\nverdict = "corrupt"\nreason = "I do not like it"\nwhen = "{when}"\n')
    return load_rules(path)


def test_a_rule_of_the_user_is_applied_and_its_rejections_are_counted(model, tmp_path):
    free = sample(model, 20, seed=0, rules=RULES)
    assert (free.parameters[:, INDEX["feedback"]] > 3).any()
    ruled = sample(model, 20, seed=0, rules=user_rules(tmp_path, "feedback > 3"))
    assert (ruled.parameters[:, INDEX["feedback"]] <= 3).all()
    assert ruled.rejected["mine"] > 0
    assert "mine" not in free.rejected
    assert sum(ruled.rejected.values()) <= 25 * SamplingRequest().choices * 32


def test_a_note_rejects_nothing(model, tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text('[rule.mine]\nverdict = "note"\nreason = "all are so"\nwhen = "feedback >= 0"\n')
    assert "mine" not in sample(model, 3, seed=0, rules=load_rules(path)).rejected


def test_a_rule_on_an_unknown_column_is_named(model, tmp_path):
    with pytest.raises(RulesError, match="mine"):
        sample(model, 3, seed=0, rules=user_rules(tmp_path, "moonlight > 3"))


def test_an_error_counts_the_reasons_if_every_candidate_is_rejected(model, tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "_HOPELESS", 300)
    with pytest.raises(ValueError, match=r"^only 0 of 2 voices were made; rejected candidates: .*mine: \d+"):
        sample(model, 2, seed=0, rules=user_rules(tmp_path, "feedback >= 0"))


def test_inaudible_voices_are_never_taken(undertrained):
    made = sample(undertrained, 8, seed=0)
    assert made.rejected[SILENT] > 0
    assert not is_inaudible(made.parameters).any()


def test_render_needs_rules(model):
    with pytest.raises(ValueError, match="needs rules"):
        sample(model, 1, seed=0, render=True)


def test_with_render_no_voice_is_silent_or_noise_or_never_ends(model):
    made = sample(model, 4, seed=0, request=SamplingRequest(label="Low"), rules=RULES, render=True)
    audio = summarize_by_sound(compute_voice_features(made.parameters, AudioFeatures.create_empty(), silent))
    assert not audio["silent"].any()
    assert (audio["harmonicity"] >= NOISY_UNDER).all()
    again = sample(model, 2, seed=0, request=SamplingRequest(label="Low"), rules=RULES, render=True)
    assert (again.parameters == made.parameters[:2]).all()


def test_with_render_the_critic_hears_the_candidates(model, monkeypatch):
    heard = []
    critic = model.critic_by_ear

    class Recorded:
        def realness(self, voices, sound):
            assert (sound == sound_of(voices)).all()
            heard.append(len(voices))
            return critic.realness(voices, sound)

    request = SamplingRequest(label="Low")
    by_ear = sample(replace(model, critic_by_ear=Recorded()), 2, 0, request, rules=RULES, render=True)
    assert heard
    assert (by_ear.parameters == sample(model, 2, 0, request, rules=RULES, render=True).parameters).all()
    # A model of an earlier format has no such critic, and is still filtered by ear.
    heard.clear()
    deaf = sample(replace(model, critic_by_ear=None), 2, 0, request, rules=RULES, render=True)
    assert len(deaf.parameters) == 2 and not heard


def test_rendering_finds_noise_and_voices_that_never_end():
    good, noise, drone = np.tile(INIT_VOICE, (3, 1))
    good[INDEX["feedback"]] = 3
    good[[INDEX[f"op1_eg_rate_{number}"] for number in (1, 2, 3, 4)]] = 80, 40, 40, 60
    noise[[INDEX[f"op{operator}_output_level"] for operator in range(1, 7)]] = 99
    noise[INDEX["feedback"]], noise[INDEX["algorithm"]] = 7, 17
    drone[INDEX["op1_eg_level_4"]] = 99
    voices = np.stack([good, noise, drone, noise])
    audio = compute_voice_features(voices, AudioFeatures.create_empty(), silent)
    reasons = rejection_reasons(voices, RULES, audio, np.array([False, False, False, True]))
    assert reasons[1] == "noise"
    assert reasons[2] == NEVER_ENDS
    assert reasons[3] != "noise"
    assert (rejection_reasons(voices[:2], RULES, None, np.zeros(2, dtype=bool)) != "noise").all()


def test_progress_is_reported_by_batch(model):
    reports = []
    sample(model, 40, seed=0, report=lambda *at: reports.append(at))
    assert [at[1:] for at in reports if at[0] == "voices made"] == [(32, 40), (40, 40)]


def test_training_is_reproducible_and_gives_a_model_that_fits_its_summary(tmp_path, undertrained):
    splits, other = toy_splits(60, 12), undertrained
    one = fit(tmp_path, splits=splits)
    history = one.history
    weights, others = one.writer.state_dict(), other.writer.state_dict()
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    some = toy_voices(30, seed=3)
    assert (one.critic.realness(some) == other.critic.realness(some)).all()
    sound = sound_of(some)
    assert (one.critic_by_ear.realness(some, sound) == other.critic_by_ear.realness(some, sound)).all()
    assert (one.written.parameters == other.written.parameters).all()
    assert one.summary == other.summary
    assert one.summary.fingerprint == model_fingerprint(splits, TINY)
    assert one.summary.data_version == data_version(splits)
    assert one.summary.voices == 60
    kept = history[history[:, 0] == one.summary.steps][0]
    assert kept[2:].tolist() == [one.summary.validation_loss, one.summary.validation_c2st]
    assert one.voices is splits.train
    assert one.parents.slack == SAMPLING_SLACK
    assert not one.writer.training


def test_the_critic_is_trained_on_new_voices_of_the_writer_and_no_more_than_configured(model, undertrained, tmp_path):
    for trained in (model, undertrained):
        assert 0 < len(trained.written) <= len(trained.voices)
        require_legal(trained.written.parameters)
        assert distances_to_closest(trained.written.parameters, trained.voices.parameters).min() > MAX_DIFFERING
    few = fit(tmp_path, TINY.replace(steps=1, written=7), toy_splits(60, 12))
    assert 0 < len(few.written) <= 7


def test_training_on_one_family_raises(tmp_path):
    splits = toy_splits(6, 6)
    splits.train.families[:] = 0
    with pytest.raises(ValueError, match="more than one family"):
        fit(tmp_path, splits=splits)


def test_fingerprints_distinguish_runs():
    splits = toy_splits(20, 6)
    own = model_fingerprint(splits, TINY)
    assert own == model_fingerprint(toy_splits(20, 6), TINY)
    changed = [
        (splits, TINY.replace(seed=1)),
        (replace(splits, labels=("Low", "High", "Else")), TINY),
        (replace(splits, train=splits.validation, validation=splits.train), TINY),
    ]
    for part in ("train", "validation"):
        for array in ("parameters", "labels", "families"):
            other = toy_splits(20, 6)
            getattr(getattr(other, part), array).flat[0] += 1
            changed.append((other, TINY))
    fingerprints = {own, *(model_fingerprint(*of) for of in changed)}
    assert len(fingerprints) == len(changed) + 1
    versions = {data_version(of) for of, _ in changed}
    assert len(versions) == len(changed) - 1  # settings and names of labels are no data
    assert model_fingerprint(replace(splits, test=splits.train), TINY) == own  # test voices decide nothing


def test_a_fingerprint_depends_on_versions_of_code_and_libraries_and_not_on_source_text(monkeypatch):
    splits = toy_splits(20, 6)
    own = model_fingerprint(splits, TINY)
    assert code_version().startswith(f"model {MODEL_VERSION}, engine ")
    libraries = r"(, (torch|scikit-learn|numpy) \d+\.\d+){3}"
    assert re.fullmatch(rf"model \d+, engine \d+, features \d+{libraries}", code_version())
    monkeypatch.setattr(training, "MODEL_VERSION", 99)
    assert model_fingerprint(splits, TINY) != own
    monkeypatch.undo()
    monkeypatch.setattr(training, "renderer_version", lambda: "engine 99")
    assert model_fingerprint(splits, TINY) != own
    monkeypatch.undo()
    real = training.version
    for library in ("torch", "scikit-learn", "numpy"):
        monkeypatch.setattr(training, "version", lambda name, new=library: "9.9.1" if name == new else real(name))
        assert model_fingerprint(splits, TINY) != own
        monkeypatch.undo()


def test_the_method_gives_voices_and_scores(model):
    fitted = FittedWriter(model, RULES, render=False)
    labels = np.array([0, 1, 2])
    assert (fitted.sample(labels, 5) == fitted.sample(labels, 5)).all()
    assert fitted.sample(labels, 5).shape == (3, 145)
    real, junk = toy_voices(24, seed=3), toy_voices(24, seed=3)
    junk.parameters[:] = np.random.default_rng(0).integers(0, MAXIMA + 1, junk.parameters.shape)
    scores = fitted.score(real)
    assert scores.shape == (24,)
    assert (scores < 0).all()
    assert scores.min() > fitted.score(junk).max()
    assert fitted.score(real[np.array([4])]) == pytest.approx(scores[4:5], rel=1e-5)


def test_a_method_is_trained_with_the_seed_it_is_given():
    config: WriterConfig = TINY.replace(steps=2, validate_every=2)
    splits = toy_splits(40, 6)
    method = TrainedMethod(LABELS, config, RULES, render=False)
    one, other = (method.fit(splits.train, splits.validation, seed).model for seed in (4, 5))
    assert one.config == config.replace(seed=4)
    assert not torch.equal(one.writer.output, other.writer.output)
