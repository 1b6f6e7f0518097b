"""The evaluation: metrics on data with known results, the baselines, and the protocol."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.spatial.distance import cdist

from deepdx_core.codec.packing import INIT_VOICE, MAXIMA, require_legal
from deepdx_core.dataset.arrays import Splits, Voices, generated_voices, joint_families
from deepdx_core.dataset.distances import distances_to_closest, find_closest
from deepdx_core.evaluation.baselines.cart import SequentialCart
from deepdx_core.evaluation.baselines.forest import AdversarialForest
from deepdx_core.evaluation.baselines.resampling import Crossover, Marginals, Mutation
from deepdx_core.evaluation.generators import Pretrained, Scorer
from deepdx_core.evaluation.metrics.audio import summarize_audio
from deepdx_core.evaluation.metrics.c2st import FOLDS, area, c2st, folds
from deepdx_core.evaluation.metrics.classifiers import encode_parameters, networks
from deepdx_core.evaluation.metrics.label_agreement import fit_label_classifier
from deepdx_core.evaluation.metrics.memorization import authentic, count_duplicates
from deepdx_core.evaluation.metrics.pqmass import pqmass
from deepdx_core.evaluation.metrics.prdc import prdc
from deepdx_core.evaluation.metrics.structure import structure
from deepdx_core.evaluation.metrics.uncertainty import standard_error
from deepdx_core.evaluation.protocol import BASELINES, REAL_HALF, REAL_OTHER, evaluate
from deepdx_core.progress import silent
from deepdx_core.sound.audio_features import compute_voice_features
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.tables.generator import ModelEvaluation
from deepdx_core.voice.parameters import INDEX
from tests.support.voices import random_voices
from tools.demo_corpus.voices import compose_voices

ALONE = np.arange(10_000)
LEVELS = [INDEX[f"op{operator}_output_level"] for operator in range(1, 7)]


def labeled(count, seed=0):
    """Return voices of two labels: one with algorithms 1 to 8 and slow attacks, one with 9 to 16 and fast ones."""
    parameters, _ = random_voices(count, seed)
    labels = np.arange(count) % 2
    parameters[:, INDEX["algorithm"]] = parameters[:, INDEX["algorithm"]] % 8 + 8 * labels
    parameters[:, INDEX["op1_eg_rate_1"]] = parameters[:, INDEX["op1_eg_rate_1"]] % 50 + 50 * labels
    # Related parameters: operator 2 has the level of operator 1.
    parameters[:, INDEX["op2_output_level"]] = parameters[:, INDEX["op1_output_level"]]
    return generated_voices(parameters, labels)


@pytest.fixture(scope="module")
def demo():
    """Voices of the demo corpus, split by family, with its families of instruments in three parts as labels."""
    composed = compose_voices(1)
    parameters, first = np.unique(composed.parameters, axis=0, return_index=True)
    labels = composed.families[first] % 3
    own = joint_families(generated_voices(parameters, labels))
    part = np.random.default_rng(0).integers(0, 8, len(parameters))[own]
    voices = Voices(parameters, labels, own)
    train, validation, test = (voices[np.flatnonzero(where)] for where in (part < 3, part == 3, part == 4))
    return Splits(train, validation, test, ("a", "b", "c"))


# Metrics


def test_c2st_distinguishes_sets_of_different_distributions_only():
    one, other = random_voices(200, 1)[0], random_voices(200, 2)[0]
    value, error = c2st(one, other, ALONE[:400], 0)
    assert abs(value - 0.5) < 4 * error < 0.15
    other[:, INDEX["op1_output_level"]] //= 2
    value, error = c2st(one, other, ALONE[:400], 0)
    assert value > 0.65
    other[:, INDEX["op1_output_level"]] = 0
    one[:, INDEX["op1_output_level"]] = 99
    assert c2st(one, other, ALONE[:400], 0) == (1, 0)


def test_networks_distinguish_sets_of_different_distributions_only():
    one, other = random_voices(200, 1)[0], random_voices(200, 2)[0]
    value, error = c2st(encode_parameters(one), encode_parameters(other), ALONE[:400], 0, networks)
    assert abs(value - 0.5) < 4 * error < 0.15
    other[:, LEVELS] //= 4
    assert c2st(encode_parameters(one), encode_parameters(other), ALONE[:400], 0, networks).value > 0.65
    features = np.random.default_rng(0).normal(size=(400, 6)).astype(np.float32)
    features[::2, 0] = np.nan
    value, error = c2st(features[:200], features[200:], ALONE[:400], 0, networks)
    assert abs(value - 0.5) < 4 * error
    features[:200, 1:4] = np.nan
    found = c2st(features[:200], features[200:], ALONE[:400], 0, networks)
    assert found.value > 0.9
    assert found == c2st(features[:200], features[200:], ALONE[:400], 0, networks)


def test_networks_see_ends_defaults_and_categories():
    encoded = encode_parameters(INIT_VOICE[None])
    assert encoded[0, :145] == pytest.approx(INIT_VOICE / MAXIMA)
    at_zero, at_maximum, as_init, values = np.split(encoded[0, 145:], [145, 290, 435])
    assert (at_zero == (INIT_VOICE == 0)).all()
    assert (at_maximum == (INIT_VOICE == MAXIMA)).all()
    assert as_init.all()
    # Two curves of each operator, the algorithm and the LFO wave.
    assert (len(values), values.sum()) == (12 * 4 + 32 + 6, 14)


def test_pqmass_is_1_for_one_distribution_and_multiplied_by_the_size_of_families():
    one, other = random_voices(1500, 1)[0], random_voices(1500, 2)[0]
    assert pqmass(one, other, 0) == pytest.approx(1, abs=0.1)
    assert pqmass(one, other, 0) == pqmass(one, other, 0) != pqmass(one, other, 1)
    copies = pqmass(np.repeat(one, 4, axis=0), np.repeat(other, 4, axis=0), 0)
    assert copies == pytest.approx(4, rel=0.15)
    assert pqmass(one // 2, other, 0) > 3
    assert pqmass(np.tile(one[0], (1500, 1)), other, 0) > 10
    assert pqmass(np.tile(one[0], (6, 1)), np.tile(one[0], (6, 1)), 0) == 0


def test_variants_of_a_training_voice_are_not_authentic():
    train = np.stack([*random_voices(50)[0], INIT_VOICE, INIT_VOICE])
    train[-1, :10] = MAXIMA[:10] - train[-1, :10]
    voices = np.tile(INIT_VOICE, (4, 1))
    for voice, differing in zip(voices, (0, 5, 10, 11), strict=True):
        voice[100 : 100 + differing] ^= 1
    closest, distances = find_closest(voices, train)
    assert (closest == 50).all()
    assert authentic(closest, distances, train).tolist() == [False, False, False, True]


def test_a_voice_can_be_excluded_from_its_own_neighbors():
    train = random_voices(9000)[0]
    rows = np.array([0, 7, 8191, 8192, 8999])
    train[[3, 8990], :130] = train[[0, 8191], :130]
    expected = (train[rows, None] != train).sum(axis=2)
    expected[np.arange(5), rows] = 146
    found, distances = find_closest(train[rows], train, rows)
    assert (found == expected.argmin(axis=1)).all()
    assert (found[[0, 2]] == [3, 8990]).all()
    assert (distances == expected.min(axis=1)).all()
    assert find_closest(train[:1], train[:1], np.array([0]))[1] == 146


def test_the_label_classifier_learns_from_names_where_these_are_known():
    train, other = labeled(300), labeled(100, seed=5)
    # All labels of the other decisions are wrong, and one in three voices has a telling name.
    by_names = np.where(ALONE[:300] % 3 == 0, train.labels, -1)
    wrong = replace(train, labels=1 - train.labels, by_names=by_names)
    assert fit_label_classifier(wrong, 0).agrees(other.parameters, other.labels).mean() > 0.9
    assert fit_label_classifier(replace(wrong, by_names=None), 0).agrees(other.parameters, other.labels).mean() < 0.1
    assert (wrong.named().parameters == train.parameters[::3]).all()
    assert (wrong[np.array([3, 4, 6])].named().labels == train.labels[[3, 6]]).all()
    assert train.named() is train


def test_c2st_does_not_recognize_voices_by_their_near_duplicates():
    """Each set has near-duplicates of its own. A classifier that has seen some recognizes the others.

    With families kept together, it cannot.
    """
    base = random_voices(60, 1)[0]
    both = np.repeat(base, 10, axis=0)
    both[ALONE[:600], np.random.default_rng(0).integers(0, 145, 600)] = 0
    groups = joint_families(generated_voices(both[:300], np.zeros(300)), generated_voices(both[300:], np.zeros(300)))
    assert len(np.unique(groups)) == 60
    remembered, _ = c2st(both[:300], both[300:], ALONE[:600], 0)
    value, error = c2st(both[:300], both[300:], groups, 0)
    assert remembered > 0.95
    assert abs(value - 0.5) < 3 * error
    assert error > 0.05


@pytest.mark.parametrize("sizes", [[1] * 90, [30, 30, 30], [40, 20, *[1] * 30]])
def test_folds_keep_families_together(sizes):
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)) * 7, sizes))
    fold = folds(groups, 0)
    assert all(len(np.unique(fold[groups == group])) == 1 for group in np.unique(groups))
    assert (np.unique(fold) == np.arange(FOLDS)).all()
    assert (fold == folds(groups, 0)).all()


def test_joint_families_span_both_sets():
    one, other = random_voices(6, 1)[0], random_voices(6, 2)[0]
    other[0] = one[3]
    other[0, :5] = (one[3, :5] + 1) % 2
    other[1] = one[4]
    other[1, :6] = (one[4, :6] + 1) % 2
    expected = np.arange(12)
    expected[6] = 3
    labels = np.zeros(6, np.int64)
    assert (joint_families(generated_voices(one, labels), generated_voices(other, labels)) == expected).all()
    # Known families of the corpus count as well.
    expected[[2, 11]] = 0, 0
    known = np.array([8, -1, 8, -1, -1, -1])
    found = joint_families(Voices(one, labels, known), Voices(other, labels, known[[1, 1, 1, 1, 1, 0]]))
    assert (found == expected).all()


def test_the_area_under_the_roc_curve_is_the_share_of_pairs_in_order():
    random = np.random.default_rng(0)
    scores, positive = random.integers(0, 20, 200).astype(float), random.random(200) < 0.3
    pairs = np.subtract.outer(scores[positive], scores[~positive])
    found, error = area(scores, positive, ALONE[:200])
    assert found == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    # Ten copies of each voice add no information.
    _, again = area(np.tile(scores, 10), np.tile(positive, 10), np.tile(ALONE[:200], 10))
    assert again == pytest.approx(error)


def test_standard_errors_match_the_textbook_and_count_families_once():
    values = np.random.default_rng(0).random(50)
    assert standard_error(values, ALONE[:50]) == pytest.approx(values.std(ddof=1) / np.sqrt(50))
    assert standard_error(np.repeat(values, 4), np.repeat(ALONE[:50], 4)) == pytest.approx(
        standard_error(values, ALONE[:50])
    )
    assert np.isnan(standard_error(values, np.zeros(50)))


def naive_prdc(generated, real, neighbors):
    generated, real = generated / MAXIMA, real / MAXIMA
    of_generated = np.sort(cdist(generated, generated))[:, neighbors] + 1e-9
    of_real = np.sort(cdist(real, real))[:, neighbors] + 1e-9
    between = cdist(generated, real)
    return (
        [any(d <= r for d, r in zip(row, of_real, strict=True)) for row in between],
        [sum(d <= r for d, r in zip(row, of_real, strict=True)) / neighbors for row in between],
        [any(d <= r for d, r in zip(column, of_generated, strict=True)) for column in between.T],
        [min(column) <= r for column, r in zip(between.T, of_real, strict=True)],
    )


def test_prdc_matches_the_definitions_of_the_papers():
    real = random_voices(80, 1)[0]
    generated = np.concatenate([random_voices(30, 2)[0], real[:20], real[:15], np.tile(INIT_VOICE, (9, 1))])
    generated[50:60, :100] = real[40:50, :100]
    for found, expected in zip(prdc(generated, real), naive_prdc(generated, real, 5), strict=True):
        assert found == pytest.approx(np.array(expected, float))


def test_prdc_of_equal_and_of_distant_sets():
    real = random_voices(60, 1)[0]
    same = prdc(real, real)
    assert [measure.mean() for measure in same] == pytest.approx([1, same.density.mean(), 1, 1])
    assert same.density.mean() >= 1
    low, high = real // 10, MAXIMA - real // 10
    assert [measure.mean() for measure in prdc(low, high)] == [0, 0, 0, 0]
    # Copies of one voice have full precision, and low coverage.
    one = prdc(np.tile(real[0], (60, 1)), real)
    assert one.precision.all()
    assert one.recall.sum() == 1
    assert one.coverage.mean() < 0.5
    with pytest.raises(ValueError, match="more than 5"):
        prdc(real[:5], real)


def test_the_closest_training_voice_is_found_exactly():
    train = compose_voices(1).parameters[:9000]
    voices = np.concatenate([random_voices(20)[0], train[:20], train[20:40]])
    voices[40:, :3] = MAXIMA[:3] - voices[40:, :3]
    expected = [(train != voice).sum(axis=1).min() for voice in voices]
    found = distances_to_closest(voices, train)
    assert (found == expected).all()
    assert (found[20:40] == 0).all()
    assert count_duplicates(np.concatenate([voices, voices[:7]])) == count_duplicates(voices) + 7
    with pytest.raises(ValueError, match="no training voices"):
        distances_to_closest(voices, train[:0])


def test_structure_is_0_for_equal_sets_and_depends_on_joint_distributions():
    real = random_voices(3000, 1)[0]
    assert set(structure(real, real).values()) == {0}
    # Each parameter keeps its distribution, but in other voices.
    levels = [INDEX[f"op{operator}_output_level"] for operator in range(1, 7)]
    envelopes = [INDEX[f"op{operator}_eg_level_{n}"] for operator in range(1, 7) for n in range(1, 5)]
    real[:, envelopes] = np.repeat(real[:, levels], 4, axis=1)
    apart = real.copy()
    apart[:, levels] = real[::-1][:, levels]
    found = structure(apart, real)
    assert found["envelopes"] > 0.8
    assert sum(found.values()) == found["envelopes"]
    apart = real.copy()
    apart[:, [INDEX[f"op{operator}_velocity_sensitivity"] for operator in range(1, 7)]] = 0
    assert structure(apart, real)["velocity"] == pytest.approx(7 / 8, abs=0.02)


def test_audio_features_are_in_the_order_of_the_voices():
    loud, quiet, noise, held = np.tile(INIT_VOICE, (4, 1))
    quiet[INDEX["op1_output_level"]] = 0
    held[INDEX["op1_eg_rate_4"]] = 0
    held[INDEX["op1_eg_level_4"]] = 99
    noise[[INDEX[f"op{operator}_output_level"] for operator in range(1, 7)]] = 99
    noise[INDEX["feedback"]] = 7
    noise[INDEX["algorithm"]] = 17
    voices = np.stack([held, loud, noise, quiet, loud])
    known = compute_voice_features(voices[:2], AudioFeatures.create_empty(), silent)
    audio = compute_voice_features(voices, known, silent)
    found = summarize_audio(voices, audio)
    assert found.silent.tolist() == [False, False, False, True, False]
    assert found.sounding_after.tolist() == [True, False, False, False, False]
    assert found.noisy.tolist() == [False, False, True, False, False]
    assert found.features.dtype == np.float32
    assert np.array_equal(found.features[1], found.features[4], equal_nan=True)
    assert not np.array_equal(found.features[1], found.features[0], equal_nan=True)
    # The other rows of the table have no influence.
    alone = summarize_audio(voices[:1], audio)
    assert np.array_equal(alone.features, found.features[:1], equal_nan=True)


# Baselines


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_are_legal_and_reproducible(name):
    train, labels = labeled(300), np.array([1, 0, 1, 1] * 20)
    samples = []
    for _ in range(2):
        generator = BASELINES[name].fit(train, train[:0], 3)
        samples.append(generator.sample(labels, 5))
    require_legal(samples[0])
    assert samples[0].shape == (80, 145)
    assert (samples[0] == samples[1]).all()
    assert (samples[0] != generator.sample(labels, 6)).any()
    # A parameter has only values that training voices have.
    assert all(np.isin(samples[0][:, i], train.parameters[:, i]).all() for i in range(145))
    if name != "independent marginals":
        high = samples[0][:, INDEX["op1_eg_rate_1"]] >= 50
        assert (high == labels).mean() > 0.9


def test_mutations_are_close_and_crossovers_have_whole_operators():
    train, labels = labeled(300), np.array([1, 0] * 40)
    mutated = Mutation().fit(train, train, 0).sample(labels, 0)
    assert 8 < np.median(distances_to_closest(mutated, train.parameters)) < 16
    crossed = Crossover().fit(train, train, 0).sample(labels, 0)
    blocks = [slice(21 * n, min(21 * n + 21, 145)) for n in range(7)]
    assert all((distances_to_closest(crossed[:, b], train.parameters[:, b]) == 0).all() for b in blocks)
    assert (distances_to_closest(crossed, train.parameters) > 60).all()


def test_trees_learn_related_parameters():
    train = labeled(400)
    cart = SequentialCart().fit(train, train, 0)
    labels = np.arange(400) % 2
    voices = cart.sample(labels, 1)
    levels = voices[:, [INDEX["op1_output_level"], INDEX["op2_output_level"]]].astype(int)
    assert np.median(np.abs(levels[:, 0] - levels[:, 1])) <= 4
    assert (voices[:, INDEX["algorithm"]] // 8 == labels).all()
    # Without any training voice of the label.
    require_legal(cart.sample(np.full(5, 2), 0))
    # The trees do not depend on the number of threads.
    alone = SequentialCart(threads=1).fit(train, train, 0)
    assert (alone.sample(labels, 1) == voices).all()


def test_forests_draw_from_leaves_of_the_label():
    train, other = labeled(400), labeled(200, seed=7)
    for voices in (train, other):
        voices.parameters[:, 21:126] = INIT_VOICE[21:126]
        voices.parameters[:, LEVELS] = ALONE[: len(voices), None] * 7 % 100
    forests = AdversarialForest().fit(train, train, 0)
    drawn = forests.sample(train.labels, 1)
    assert (drawn[:, INDEX["algorithm"]] // 8 == train.labels).all()
    levels = drawn[:, LEVELS].astype(int)
    assert np.median(np.abs(levels[:, 0] - levels[:, 1])) < 18 < np.median(np.abs(levels[:, 0] - levels[::-1, 1]))
    # Without any training voice of the label.
    require_legal(forests.sample(np.full(5, 2), 0))
    scores = forests.score(other)
    assert np.isfinite(scores).all()
    assert (scores > forests.score(generated_voices(other.parameters, 1 - other.labels))).mean() > 0.95


def test_probabilities_of_forests_follow_the_training_voices():
    parameters = np.tile(INIT_VOICE, (2000, 1))
    switches = [INDEX["oscillator_sync"], INDEX["lfo_sync"]]
    pairs = np.array([[0, 0], [1, 1], [0, 1], [1, 0]])
    shares = np.array([0.6, 0.3, 0.1, 0])
    parameters[:, switches] = np.repeat(pairs, (2000 * shares).astype(int), axis=0)
    train = generated_voices(parameters, np.zeros(2000, np.int64))
    forests = AdversarialForest(leaf=50).fit(train, train, 0)
    voices = np.tile(INIT_VOICE, (4, 1))
    voices[:, switches] = pairs
    found = np.exp(forests.score(generated_voices(voices, np.zeros(4, np.int64))))
    assert found == pytest.approx(shares, abs=0.05)
    assert found.sum() <= 1


def test_scores_are_log_probabilities_and_higher_for_the_right_label():
    train, other = labeled(400), labeled(200, seed=7)
    for method in (Marginals(), SequentialCart()):
        generator = method.fit(train, train, 0)
        assert isinstance(generator, Scorer)
        scores = generator.score(other)
        assert np.isfinite(scores).all()
        assert (scores < 0).all()
    # Over all values of the parameter drawn last, probabilities sum to 1.
    last = np.tile(other.parameters[0], (49, 1))
    last[:, INDEX["transpose"]] = np.arange(49)
    scores = generator.score(generated_voices(last, np.full(49, other.labels[0])))
    others = np.log(np.exp(scores - scores.max()).sum()) + scores.max()
    shorter = generator.trees[:-1]
    without = type(generator)(shorter, generator.labels).score(generated_voices(last[:1], other.labels[:1]))
    assert others == pytest.approx(without[0])
    wrong = generated_voices(other.parameters, 1 - other.labels)
    assert (generator.score(other) > generator.score(wrong)).mean() > 0.95
    assert not isinstance(Mutation().fit(train, train, 0), Scorer)


# The protocol


class Copies:
    """A generator that returns training voices, one of them twice."""

    def __init__(self, voices):
        self.voices = voices

    def sample(self, labels, seed):
        copies = self.voices[: len(labels)].copy()
        copies[-1] = copies[0]
        return copies


@pytest.mark.slow
def test_the_protocol_returns_a_row_for_each_reference_and_method(demo):
    methods = {"independent marginals": Marginals(), "copies": Pretrained(Copies(demo.train.parameters))}
    rows = evaluate(methods, demo)
    ModelEvaluation.validate(rows)
    assert rows["generator"].to_list() == [REAL_HALF, REAL_OTHER, *methods]
    half, other, marginals, copies = rows.iter_rows(named=True)
    assert half["voices"] + half["against"] == other["against"] == marginals["voices"] == len(demo.test)
    assert marginals["c2st"] > 0.95
    assert abs(other["c2st"] - 0.5) < 4 * other["c2st_error"]
    assert other["precision"] > marginals["precision"]
    assert half["copies"] == other["copies"] == marginals["copies"] == 0
    assert half["dcr_near"] == other["dcr_near"] == 0
    assert copies["copies"] == copies["voices"] == len(demo.test)
    assert copies["dcr_median"] == 0
    assert copies["dcr_near"] == copies["duplicates"] == 1
    assert marginals["structure"] > other["structure"]
    assert marginals["label_agreement"] < other["label_agreement"]
    assert marginals["label_accuracy"] == other["label_accuracy"] > 0.5
    assert marginals["named_accuracy"] == marginals["label_accuracy"]
    assert marginals["c2st_network"] > 0.8
    assert abs(other["c2st_network"] - 0.5) < 4 * other["c2st_network_error"]
    assert marginals["pqmass"] > 2 * other["pqmass"]
    assert copies["authenticity"] == 0
    assert marginals["authenticity"] > 0.95
    assert marginals["bits"] > 0
    assert copies["fit_seconds"] is None
    assert rows["audio_c2st"].is_null().all()
    seconds = ["fit_seconds", "bank_seconds"]
    assert evaluate(methods, demo).drop(seconds).equals(rows.drop(seconds))


def test_the_protocol_renders_audio_if_there_is_a_table_of_it(demo):
    few = Splits(demo.train, demo.validation, demo.test[np.arange(60)], demo.labels)
    audio = AudioFeatures.create_empty()
    rows = evaluate({"independent marginals": Marginals()}, few, audio=audio)
    ModelEvaluation.validate(rows)
    assert rows["noisy"].is_not_null().all()
    assert rows["audio_c2st"][2] > rows["audio_c2st"][1]
    assert rows["audio_c2st_network"][2] > rows["audio_c2st_network"][1]
    assert evaluate({}, few)["noisy"].is_null().all()


def test_an_evaluation_on_validation_does_not_touch_test_voices(demo):
    class NoTest(Splits):
        @property
        def test(self):
            raise AssertionError("test voices were touched")

        @test.setter
        def test(self, value):
            pass

    blind = NoTest.__new__(NoTest)
    blind.__dict__.update(train=demo.train, validation=demo.validation, labels=demo.labels)
    rows = evaluate({"m": Marginals()}, blind, split="validation")
    assert rows["generator"].to_list() == [REAL_HALF, "m"]
    assert rows["against"][1] == len(demo.validation)
    with pytest.raises(ValueError, match="not on train"):
        evaluate({}, demo, split="train")


def test_illegal_or_missing_voices_are_refused(demo):
    few = Splits(demo.train, demo.validation[ALONE[:30]], demo.test[ALONE[:30]], demo.labels)
    illegal = np.full((30, 145), 127, np.uint8)
    with pytest.raises(ValueError, match="its range is"):
        evaluate({"illegal": Pretrained(Copies(illegal))}, few)
    with pytest.raises(ValueError, match="expected 30 voices, got 20"):
        evaluate({"few": Pretrained(Copies(demo.train.parameters[:20]))}, few)


def test_the_gan_is_a_method_like_others():
    from deepdx_core.evaluation.baselines.gan import Gan
    from deepdx_core.gan.config import GanConfig

    train = labeled(64)
    gan = Gan(("a", "b"), GanConfig(steps=3, batch_size=8, width=8, noise_size=8))
    first, again, other = (gan.fit(train, train, seed) for seed in (0, 0, 1))
    labels = np.array([1, 0, 0, 1])
    voices = first.sample(labels, 0)
    require_legal(voices)
    assert (voices == again.sample(labels, 0)).all()
    assert (voices != other.sample(labels, 0)).any()
    assert count_duplicates(voices) == 0


def test_the_study_shows_means_and_deviations_over_seeds():
    from studies.generators import format_table, over_seeds

    def row(generator, seed, c2st, bits):
        return {
            "generator": generator,
            "judged_on": "test",
            "seed": seed,
            "c2st": c2st,
            "c2st_error": 9.0,
            "bits": bits,
        }

    rows = pl.DataFrame([row("b", 0, 0.5, None), row("a", 0, 0.7, 1.0), row("b", 1, 0.5, None), row("a", 1, 0.9, 3.0)])
    found = over_seeds(rows)
    assert found["generator"].to_list() == ["b", "a"]
    assert found["c2st"].to_list() == pytest.approx([0.5, 0.8])
    assert found["c2st_error"].to_list() == pytest.approx([0, 0.02**0.5])
    assert found["bits"].to_list() == [None, 2]
    _, *columns = format_table(found).columns
    assert [list(column.cells) for column in columns] == [["0.500 ±0.000", ""], ["0.800 ±0.141", "2.000 ±1.414"]]
