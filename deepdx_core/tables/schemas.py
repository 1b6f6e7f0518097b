"""The schema of each table: columns, keys and rules, with the words that describe them in SQL and in Dagster.

A class's docstring describes its table; a column's `metadata["description"]` describes the column.
"""

from itertools import pairwise
from typing import Any

import dataframely as dy
import polars as pl

from deepdx_core.codec.segments import Checksum, Format, Kind
from deepdx_core.tables.columns import SPLITS, about, one_of, sound_id
from deepdx_core.tables.generator import ModelEvaluation, Realness, TrainedModels
from deepdx_core.voice.parameters import NAME_LENGTH, PARAMETER_NAMES, PARAMETERS

STATUSES = ("voices", "no voices", "archive", "refused")
REPAIRS = ("clamped", "as in its twin", "nobody hears it", "as in its kin", "plays alike")
VERDICTS = ("valid", "repairable", "empty", "silent", "corrupt")
DECIDERS = ("names", "model", "family", "folders", "combination", "user", "nothing")

CONTOUR_HELD = (0.0, 0.02, 0.06, 0.12, 0.24, 0.5)
CONTOUR_AFTER = (0.0, 0.1)
"""When each stretch of a clip's loudness contour begins, in seconds after the key goes down, and after it is let go."""

BAND_EDGES = (20, 177, 354, 707, 1414, 2828, 5657, 11314, 22050)
"""Where a spectrum is divided, in hertz: octaves, but for the first and the last."""
WITHHELD = "withheld"

MOST_FINDINGS = 32
"""Findings that are kept of one voice. What is no voice at all may have a hundred, and a file half a million such."""


def _sha256() -> dict[str, Any]:
    return {"regex": "^[0-9a-f]{64}$"}


def _parameters(**options: Any) -> dict[str, dy.Column]:
    return {p.name: dy.UInt8(metadata=about(f"{p.description}; 0 to {p.maximum}"), **options) for p in PARAMETERS}


def _name(description: str) -> dy.String:
    return dy.String(check=lambda column: column.str.len_chars() <= NAME_LENGTH, metadata=about(description))


def _measure(description: str, **options: Any) -> dy.Float32:
    return dy.Float32(metadata=about(description), **options)


def _contour() -> dict[str, dy.Column]:
    stretches = [(f"{start} s after key-down", end) for start, end in pairwise([*CONTOUR_HELD, "key-up"])]
    stretches += [(f"{start} s after key-up", end) for start, end in pairwise([*CONTOUR_AFTER, "the end"])]
    return {
        f"level_{n}": _measure(f"mean power from {start} to {end}, in dB")
        for n, (start, end) in enumerate(stretches, 1)
    }


def _bands() -> dict[str, dy.Column]:
    frames = {"early": "the first 0.09 s", "late": "the last 0.09 s before key-up"}
    return {
        f"{frame}_band_{n}": _measure(f"power from {low} to {high} Hz in {when}, in dB")
        for frame, when in frames.items()
        for n, (low, high) in enumerate(pairwise(BAND_EDGES), 1)
    }


def _findings() -> dy.List:
    finding = dy.Struct({"rule": dy.String(), "parameter": dy.String(nullable=True), "value": dy.UInt8(nullable=True)})
    return dy.List(finding, metadata=about(f"what was found wrong: rule, parameter and value; {MOST_FINDINGS} at most"))


class RawFiles(dy.Schema):
    """A path in the inbox, and inside its archive: what it was taken for, and why it gave no voices."""

    path = dy.String(metadata=about("path in the inbox, with / between folders"))
    member = dy.String(nullable=True, metadata=about("path inside an archive"))
    size = dy.UInt64(nullable=True, metadata=about("bytes; null where it could not be read"))
    sha256 = dy.String(nullable=True, metadata=about("SHA-256 of the content"), **_sha256())
    status = one_of(STATUSES, "what became of it")
    taken_for = dy.String(nullable=True, metadata=about("what it holds, in words"))
    voices = dy.UInt32(metadata=about("voice slots in it"))
    reason = dy.String(nullable=True, metadata=about("why it gave no voices"))

    @dy.rule()
    def one_row_a_path(cls) -> pl.Expr:
        return pl.struct("path", "member").is_unique()

    @dy.rule()
    def voices_or_a_reason(cls) -> pl.Expr:
        without = pl.col("status").is_in(["no voices", "refused"])
        return (pl.col("reason").is_not_null() == without) & ((pl.col("voices") > 0) == (pl.col("status") == "voices"))

    @dy.rule()
    def content_known_unless_refused(cls) -> pl.Expr:
        return pl.col("sha256").is_not_null() | (pl.col("status") == "refused")


class Dumps(dy.Schema):
    """A stretch of a distinct file: a dump of voices, another message, or junk. Together they cover the file."""

    sha256 = dy.String(primary_key=True, metadata=about("SHA-256 of the file"), **_sha256())
    offset = dy.UInt64(primary_key=True, metadata=about("where it begins in the file, in bytes"))
    length = dy.UInt64(min=1, metadata=about("bytes, frame included"))
    kind = one_of(Kind, "what it holds")
    what = dy.String(metadata=about("what it is, in words"))
    note = dy.String(nullable=True, metadata=about("what is wrong or unusual about it"))
    format = one_of(Format, "how its voices are stored", nullable=True)
    channel = dy.UInt8(nullable=True, max=15, metadata=about("MIDI channel of the dump, counted from 0"))
    checksum = one_of(Checksum, "whether the checksum fits", nullable=True)
    voices = dy.UInt32(metadata=about("whole voice records in it"))
    payload = dy.Binary(nullable=True, metadata=about("the bytes of the voice records as found"))

    @dy.rule()
    def voices_have_a_payload(cls) -> pl.Expr:
        holds_voices = pl.col("kind") == Kind.VOICES.value
        return (pl.col("payload").is_not_null() == holds_voices) & ((pl.col("voices") > 0) == holds_voices)


class DecodedVoices(dy.Schema):
    """One slot of one dump of one distinct file: the voice as found, sound or not."""

    sha256 = dy.String(primary_key=True, metadata=about("SHA-256 of the file"), **_sha256())
    offset = dy.UInt64(primary_key=True, metadata=about("where its dump begins in the file, in bytes"))
    slot = dy.UInt16(primary_key=True, min=1, metadata=about("place in the dump, counted from 1 as on the panel"))
    format = one_of(Format, "how it was stored")
    channel = dy.UInt8(nullable=True, max=15, metadata=about("MIDI channel of the dump, counted from 0"))
    checksum = one_of(Checksum, "whether the dump's checksum fits", nullable=True)
    name = _name("its name; U+FFFD for what is not printable")
    sound_id = sound_id(nullable=True)
    valid = dy.Bool(metadata=about("no finding speaks against it"))
    findings = _findings()
    locals().update(_parameters(nullable=True))

    @dy.rule()
    def valid_without_findings(cls) -> pl.Expr:
        return pl.col("valid") == (pl.col("findings").list.len() == 0)

    @dy.rule()
    def parameters_with_a_sound(cls) -> pl.Expr:
        unreadable = pl.all_horizontal(pl.col(PARAMETER_NAMES).is_null())
        readable = pl.all_horizontal(pl.col(PARAMETER_NAMES).is_not_null())
        return pl.when(pl.col("sound_id").is_null()).then(unreadable).otherwise(readable)


class UniqueVoices(dy.Schema):
    """A sound: exact duplicates (names and unused bits apart) are one row that keeps every name, legal or not.

    A sound that a repair made of one out of range has a row of its own.
    """

    sound_id = sound_id(primary_key=True)
    name = _name("the name most files give it")
    names = dy.List(dy.String(), min_length=1, metadata=about("every name it was found under, the commonest first"))
    name_counts = dy.List(dy.UInt32(), metadata=about("distinct files that give it each of these names"))
    slots = dy.UInt32(metadata=about("slots of distinct files that hold it; 0 where only a repair made it"))
    files = dy.UInt32(metadata=about("distinct files that hold it"))
    in_range = dy.Bool(metadata=about("every parameter is in its range"))
    repair = one_of(REPAIRS, "how its parameters out of range were put right", nullable=True)
    repaired_id = dy.String(nullable=True, metadata=about("the sound that a repair made of it"))
    carriers = dy.List(dy.UInt8(), metadata=about("the operators that are heard, by its algorithm"))
    carrier_levels_4 = dy.List(
        dy.UInt8(), metadata=about("envelope level 4 of each carrier: over 0, it may sound without a key")
    )
    locals().update(_parameters())

    @dy.rule()
    def in_range_as_it_says(cls) -> pl.Expr:
        return pl.col("in_range") == pl.all_horizontal(pl.col(p.name) <= p.maximum for p in PARAMETERS)

    @dy.rule()
    def repaired_where_it_says(cls) -> pl.Expr:
        return (pl.col("repair").is_not_null() == pl.col("repaired_id").is_not_null()) & (
            pl.col("repair").is_null() | ~pl.col("in_range")
        )

    @dy.rule()
    def a_count_for_each_name(cls) -> pl.Expr:
        return pl.col("names").list.len() == pl.col("name_counts").list.len()


class AudioFeatures(dy.Schema):
    """One note of a valid sound as Dexed's engine renders it, and what it measures.

    0 dB is one carrier at full level (a sine between -1 and 1), -100 dB the least that is told, and under -60 dB is
    silence. What a silent clip has no measure for is null.
    """

    sound_id = sound_id(primary_key=True)
    note = dy.UInt8(primary_key=True, max=127, metadata=about("MIDI note; 60 is middle C"))
    velocity = dy.UInt8(primary_key=True, min=1, max=127, metadata=about("MIDI velocity"))
    renderer = dy.String(metadata=about("what rendered and measured it, with versions"))
    sample_rate = dy.UInt32(metadata=about("samples a second"))
    held_seconds = _measure("seconds that the key was held", min=0)
    after_seconds = _measure("seconds listened to after it was let go", min=0)
    silent = dy.Bool(metadata=about("under -60 dB all the time, in every 20 ms"))
    never_heard = dy.Bool(
        metadata=about(
            "the sound was silent in all its clips, and stayed so with the key held for 20 s at full velocity, without "
            "the amplitude modulation that breath and wheel could take away, and with all pitch modulation"
        )
    )
    peak_db = _measure("highest sample, all carriers together")
    loudness_db = _measure("power of the loudest 0.2 s, as the DX7 plays it: divided by the number of carriers")
    attack_seconds = _measure("from key-down until it first comes within 6 dB of its loudest", nullable=True, min=0)
    decay_seconds = _measure(
        "from its loudest, with the key held, until it is 20 dB quieter; null where it is not while held",
        nullable=True,
        min=0,
    )
    sustain_db = _measure("level as the key is let go, below its loudest", nullable=True)
    release_seconds = _measure(
        "from key-up until for good 40 dB quieter, or silent; null where that outlasts the clip", nullable=True, min=0
    )
    end_db = _measure("level in the last 0.1 s of the clip")
    rest_db = _measure("level at which it rests long after key-up; only asked of middle C", nullable=True)
    sounds_at_rest = dy.Bool(nullable=True, metadata=about("it rests over -60 dB, and so never falls silent"))
    brightness_hz = _measure("centroid of its power over frequency", nullable=True, min=0)
    harshness = _measure("share of what is heard (A-weighted power) over 4 kHz, 0 to 1", nullable=True, min=0, max=1)
    flatness = _measure("spectral flatness, 100 Hz to 10 kHz: 0 for tones, over 0.5 for noise", nullable=True, min=0)
    harmonicity = _measure(
        "how periodic it is, 0 to 1: the highest peak of its autocorrelation", nullable=True, min=0, max=1
    )
    pitch_hz = _measure("the frequency of that period; null where harmonicity is under 0.7", nullable=True, min=0)
    locals().update(_contour())
    locals().update(_bands())

    @dy.rule()
    def silence_measures_nothing(cls) -> pl.Expr:
        measured = ("attack_seconds", "sustain_db", "brightness_hz", "harshness", "flatness", "harmonicity")
        return pl.all_horizontal(pl.col(name).is_null() == pl.col("silent") for name in measured)

    @dy.rule()
    def never_heard_is_silent(cls) -> pl.Expr:
        return ~pl.col("never_heard") | pl.col("silent")


class Families(dy.Schema):
    """A legal sound and the sounds that are the same to a musician: functionally, and by family."""

    sound_id = sound_id(primary_key=True)
    functional_id = dy.String(
        regex="^[0-9a-f]{20}$",
        metadata=about("equal for sounds that differ only in what nobody hears: digest of the parameters without that"),
    )
    family_id = dy.String(
        regex="^[0-9a-f]{20}$",
        metadata=about("equal for sounds linked by 5 or fewer differing parameters, function or ear: its smallest id"),
    )
    functional_representative = dy.Bool(
        metadata=about("stands for its functional equals: in most files, then most slots, then smallest id")
    )
    family_representative = dy.Bool(metadata=about("stands for its family, by the same rule"))
    best_name = _name("the name most files give to sounds of the family")
    functional_size = dy.UInt32(min=1, metadata=about("sounds that are functionally the same"))
    family_size = dy.UInt32(min=1, metadata=about("sounds in the family"))


class CorruptionTrainingSet(dy.Schema):
    """A sound that the corruption models are taught with. They stay as they are until the corpus has grown by half."""

    sound_id = sound_id(primary_key=True)
    fold = dy.UInt8(max=1, metadata=about("sounds of this fold are judged by the model taught with the other"))
    corpus_sounds = dy.UInt32(min=1, metadata=about("legal sounds that there were when these were chosen"))
    locals().update(_parameters())


class Verdicts(dy.Schema):
    """What a sound was judged to be, with the findings that decided and what they were found in."""

    sound_id = sound_id(primary_key=True)
    verdict = one_of(VERDICTS, "what it was judged to be")
    decided_by = one_of(("rules", "user"), "who decided")
    why = dy.String(nullable=True, metadata=about("the user's reason"))
    heard = dy.Bool(metadata=about("it was rendered, and what was heard entered the verdict"))
    findings = dy.List(
        dy.Struct(
            {
                "rule": dy.String(),
                "severity": dy.String(),
                "parameter": dy.String(nullable=True),
                "value": dy.Float64(nullable=True),
            }
        ),
        metadata=about(
            "what was found: rule, what it means (note: nothing), parameter or measure, and its value; "
            f"the worst first, {MOST_FINDINGS} at most"
        ),
    )
    faults = dy.UInt8(metadata=about("parameters out of range"))
    wild_faults = dy.UInt8(metadata=about("of these, by more than an editor's slip or a lost byte"))
    different_values = dy.UInt8(metadata=about("different values among its parameters"))
    at_default = dy.UInt8(metadata=about("parameters that are as in INIT VOICE"))
    from_init = dy.UInt8(nullable=True, metadata=about("parameters unlike INIT VOICE's, what nobody hears left aside"))
    loudest_db = dy.Float64(
        nullable=True, metadata=about("by its parameters, upper bound of its level; 0 dB is one carrier at full level")
    )
    rest_db = dy.Float64(nullable=True, metadata=about("by its parameters, the level at which it rests after key-up"))
    corruption_score = dy.Float64(
        nullable=True, metadata=about("log-odds that it is damaged or random data and no voice")
    )
    neighbor_corruption = dy.Float64(
        nullable=True, metadata=about("mean corruption_score of its neighbors, where it stands best")
    )
    corruption_model = dy.String(nullable=True, metadata=about("version of the models that said so"))
    neighborhoods = dy.UInt32(nullable=True, metadata=about("different pairs of neighbors it was found between"))
    stuck_bit = dy.UInt8(nullable=True, metadata=about("the bit, 1 to 7, that never changes in the dumps it is in"))


class LabeledVoices(dy.Schema):
    """A valid sound with its labels and what decided them."""

    sound_id = sound_id(primary_key=True)
    category = dy.String(metadata=about("fine category, such as electric-piano; other where nothing says enough"))
    label = dy.String(metadata=about("training label, such as Pianos"))
    algorithm_label = dy.UInt8(min=1, max=32, metadata=about("algorithm as on the panel, 1 to 32"))
    confidence = dy.Float32(min=0, max=1, metadata=about("probability of the likeliest category, calibrated"))
    label_confidence = dy.Float32(
        min=0, max=1, metadata=about("probability that the label of the likeliest category is right")
    )
    likeliest = dy.String(metadata=about("the category that evidence is most for, even if it does not say enough"))
    categories = dy.List(dy.String(), metadata=about("every category that is likely or that names mention, best first"))
    labels = dy.List(dy.String(), metadata=about("their training labels"))
    decided_by = one_of(DECIDERS, "what most put the category before the next likely one")
    evidence = dy.String(nullable=True, metadata=about("what each kind of evidence says, in words"))
    by_names = dy.String(nullable=True, metadata=about("category by names alone; null where they say nothing"))
    by_model = dy.String(nullable=True, metadata=about("category by what the model makes of parameters and sound"))
    by_family = dy.String(nullable=True, metadata=about("category by the names of other sounds of its family"))
    by_folders = dy.String(nullable=True, metadata=about("category by the files and folders it comes from"))
    model = dy.String(nullable=True, metadata=about("version of the models, where there was enough to teach them"))

    @dy.rule()
    def likeliest_or_other_or_as_the_user_says(cls) -> pl.Expr:
        by_evidence = (pl.col("category") == "other") == (pl.col("decided_by") == "nothing")
        likeliest = (pl.col("category") == pl.col("likeliest")) | (pl.col("decided_by") == "nothing")
        return (pl.col("decided_by") == "user") | (by_evidence & likeliest)

    @dy.rule()
    def several_begin_with_the_one(cls) -> pl.Expr:
        return (pl.col("categories").list.first() == pl.col("category")) & (
            pl.col("labels").list.first() == pl.col("label")
        )


class TrainingSplits(dy.Schema):
    """Which sounds the models train on, are chosen on, and are judged on. An assignment lasts.

    A family is in one split. A sound that came later and joins families of different splits is withheld: it stands in
    none, so that it neither leaks nor moves what was assigned.
    """

    sound_id = sound_id(primary_key=True)
    split = one_of((*SPLITS, WITHHELD), "the part it belongs to")
    reason = dy.String(metadata=about("why it belongs there"))
    in_corpus = dy.Bool(metadata=about("it is a valid sound of the corpus now; its assignment is kept if it is not"))


class TrainingSet(dy.Schema):
    """A valid sound with all that models learn from: split, label, family, names and parameters."""

    sound_id = sound_id(primary_key=True)
    split = one_of((*SPLITS, WITHHELD), "the part it belongs to; models see no withheld sound")
    label = dy.String(metadata=about("training label"))
    family_id = dy.String(regex="^[0-9a-f]{20}$", metadata=about("equal for near-duplicates"))
    names = dy.List(dy.String(), metadata=about("every name it was found under, in alphabetical order"))
    locals().update(_parameters())


TABLES: dict[str, type[dy.Schema]] = {
    "raw_files": RawFiles,
    "dumps": Dumps,
    "decoded_voices": DecodedVoices,
    "unique_voices": UniqueVoices,
    "audio_features": AudioFeatures,
    "families": Families,
    "corruption_training_set": CorruptionTrainingSet,
    "verdicts": Verdicts,
    "labeled_voices": LabeledVoices,
    "training_splits": TrainingSplits,
    "training_set": TrainingSet,
    "models": TrainedModels,
    "realness": Realness,
    "model_evaluation": ModelEvaluation,
}
"""Every table's schema by the table's name, in the order in which the data flows."""

STATE_TABLES = ("corruption_training_set", "training_splits", "models")
"""Those that cannot be made anew from the inbox, since they hold what was decided once and stays."""


def describe(table: str) -> str:
    """What a row of a table is."""
    return (TABLES[table].__doc__ or "").strip()


def describe_columns(table: str) -> dict[str, str]:
    """What each column of a table is."""
    return {name: (column.metadata or {})["description"] for name, column in TABLES[table].columns().items()}
