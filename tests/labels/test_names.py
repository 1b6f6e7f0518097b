"""Labels from names: categories of names, votes, and invalid taxonomy files."""

from importlib import resources
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepdx_core.codec.packing import INIT_VOICE
from deepdx_core.labels.combination import combine_evidence
from deepdx_core.labels.names import UnknownCategoryError, categories_of_names, find_category
from deepdx_core.labels.sounds import label_sounds
from deepdx_core.labels.taxonomy import Taxonomy, load_taxonomy
from deepdx_core.tables.dataset import LabeledVoices
from deepdx_core.voice.parameters import PARAMETER_NAMES

NO_FAMILIES = pl.DataFrame(schema={"sound_id": pl.String, "family_id": pl.String})
TAXONOMY = load_taxonomy()

# The category that a DX7 player expects.
EXPECTED = {
    "electric-piano": [
        "E.PIANO 1", "EPIANO1", "E-Piano1", "EPNO 3", "E.P.", "DX EP", "RHDS 2", "RHODES 1", "WURLI", "WURLITZER",
        "FULLTINES", "FullTines", "TINE BOX", "ELEC.PNO A", "SYN-PIANO", "BAD ROAD", "TYNOTE.1",
    ],
    "acoustic-piano": [
        "PIANO 2", "PNO", "BELL PNO", "GRANDPIANO", "THE PIANO", "KLAVIER 3", "HONKY TONK", "STEINWAY 1", "VLEUGEL",
    ],
    "clav": ["CLAV 1", "CLV", "CLAVINET", "SYN-CLAV 1", "HOHNER D6"],
    "harpsichord": ["HARPSICH 1", "HARPSI", "CEMBALO", "CLAVECIN", "SPINETT"],
    "organ": [
        "ORG", "E.ORGAN 1", "PIPE ORG", "PIPES   1", "HAMMOND", "B3", "B-3", "DRAWBAR", "ORGEL", "ORGUE",
        "GRAND ORGAN",
    ],
    "accordion": ["ACCORDION", "ACCORD 1", "MUSETTE", "BANDONEON", "AKKORDEON"],
    "bass": [
        "BASS 1", "BS", "BAS", "SYNBS 4", "SYNBASS 1", "SlapBass", "BASSO", "ORGAN BASS", "STRING BASS",
        "FRETLESS 2", "PIANO BASS", "BASS GUIT.", "FrtLess II", "BAJO 2",
    ],
    "guitar": [
        "GTR", "GT 2", "GUIT ACOUS", "GUITARRA", "LEAD GUITR", "12STRG 1", "PEDALSTEEL", "GITARRE", "BASS-STRAT",
    ],
    "harp": ["HARP", "HARP    2", "HARFE", "ARPA"],
    "plucked-ethnic": ["SITAR", "KOTO", "SHAMI", "BANJO", "KALIMBA", "LUTE", "MANDOLIN"],
    "strings": ["STRINGS 1", "STRGS LOW", "STR", "SAITEN", "CORDES", "PIANO STR", "ANALOG STR", "PIZZ.", "CORDAS AT1"],
    "solo-strings": ["CELLO", "VIOLIN", "VIOLON", "GEIGE", "VLN 1", "CELLO SOLO", "Dbl CHELLO"],
    "brass": [
        "BRASS   1", "BRSS", "BRS", "SYN BRASS", "BRASSHORNS", "FRENCHHORN", "HRN", "TPT", "TROMBONE 1", "Tuba",
        "POSAUNE", "Blass.Edit", "BLAESER",
    ],
    "woodwind": [
        "FLT", "FLUTE   1", "FLOETE", "PANFLUTE1", "OBOE", "CLAR", "BASSOON", "BASS CLAR", "BASSCLARNT",
        "BASS FLUTE", "SAX BC", "HARMONICA1", "BLUES HARP", "ENGL.HORN",
    ],
    "orchestra": ["ORCHESTRA", "HallOrch B"],
    "choir": ["CHOIR 1A", "MALE CHOIR", "VOX", "VOICES", "AAH", "CHORUS", "BellVoice", "SYN. VOX 1"],
    "pad": ["PAD", "WARM PAD 1", "CHOIRPAD", "STRING PAD"],
    "bell": ["BELLS", "PianoBells", "TUBULAR", "TUB BELLS", "GLOCKE", "CAMPANA", "CHIMES", "GLASSHARP2", "MUSIC BOX"],
    "mallet": ["VIBES", "VIBE    2", "MARMB", "MARIMBA", "XYLO 2", "XYLOSYN 1", "GLOCK", "STEEL DRUM", "XILOFONO"],
    "drum": ["BASS DRUM", "BassDr,1MS", "SNARE", "TIMPANI", "TAIKO", "CONGA", "TOM TOMS", "PAUKE"],
    "percussion": ["CYMBAL", "CLAVES", "COW BELL", "WOOD BLOCK", "TRIANGLE", "TAMBOURINE"],
    "lead": ["SYN-LEAD 1", "LEAD 3"],
    "synth": ["ANALOG 1", "PROPHET 5", "MINIMOOG", "SYNCLAVIER"],
    "effect": ["TRAIN", "LASER10", "HELICOPTER", "EXPLOSION"],
    "other": [
        "INIT VOICE", "STRATOS", "STRPDX", "VIBRATO", "LEADER", "ORGANIC", "SHARP", "PADDLE", "BASIC", "STEP",
        "5 22", "DX-7", "...", "", "\ufffd\ufffd", "PORCH",
    ],
}  # fmt: skip


def sounds(*rows: tuple[list[str], list[int]], algorithm: int = 0) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "sound_id": [f"{i:020x}" for i in range(len(rows))],
            "converted": [False] * len(rows),
            "names": [names for names, _ in rows],
            "name_counts": [counts for _, counts in rows],
        },
        schema={
            "sound_id": pl.String,
            "converted": pl.Boolean,
            "names": pl.List(pl.String),
            "name_counts": pl.List(pl.UInt32),
        },
    )
    voice = dict(zip(PARAMETER_NAMES, INIT_VOICE.tolist(), strict=True)) | {"algorithm": algorithm}
    return frame.with_columns(pl.lit(value, pl.UInt8).alias(name) for name, value in voice.items())


def label(frame: pl.DataFrame, taxonomy: Taxonomy) -> pl.DataFrame:
    return label_sounds(combine_evidence(frame, NO_FAMILIES, taxonomy, None))


def package_text() -> str:
    return (resources.files("deepdx_core.labels") / "taxonomy.toml").read_text(encoding="utf-8")


@pytest.fixture
def small(tmp_path: Path) -> Taxonomy:
    """Two categories, a hint and the fallback, with reliabilities that are easy to calculate with."""
    path = tmp_path / "small.toml"
    path.write_text(
        """
        labels = ["Low", "High", "Rest"]
        [reliability]
        words = 90
        hints = 50
        family = 80
        folders = 40
        [weight]
        names = 100
        model = 100
        family = 100
        folders = 100
        [decision]
        least_confidence = 40
        also_from = 30
        least_examples = 2
        [category.bass]
        label = "Low"
        words = ["*BASS*"]
        [category.flute]
        label = "High"
        words = ["FLUTE"]
        hints = ["AIR"]
        [category.other]
        label = "Rest"
        """
    )
    return load_taxonomy(path)


@pytest.mark.parametrize("category", EXPECTED)
def test_a_name_has_the_category_that_a_player_expects(category: str) -> None:
    found = categories_of_names(pl.Series(EXPECTED[category]), TAXONOMY)
    assert dict(found.select("name", "category").rows()) == dict.fromkeys(EXPECTED[category], category)
    assert found["evidence"].is_null().all() if category == "other" else found["evidence"].is_not_null().all()


def test_names_keep_their_order_repeats_and_nulls() -> None:
    names = ["PNO 1", "XYZ", None, "STRINGS", "PNO 1"]
    found = categories_of_names(pl.Series(names), TAXONOMY)
    assert found.select("name", "category", "evidence").rows() == [
        ("PNO 1", "acoustic-piano", "PNO"),
        ("XYZ", "other", None),
        (None, "other", None),
        ("STRINGS", "strings", "STRING"),
        ("PNO 1", "acoustic-piano", "PNO"),
    ]
    assert categories_of_names(pl.Series([], dtype=pl.String), TAXONOMY).height == 0


@given(st.lists(st.text(), max_size=20))
def test_any_text_has_exactly_one_known_category(texts: list[str]) -> None:
    found = categories_of_names(pl.Series(texts, dtype=pl.String), TAXONOMY)
    assert found["name"].to_list() == texts
    assert set(found["category"]) <= set(TAXONOMY.categories)


@given(st.text(alphabet=" .-_*()[]{}\\^$|?+/#~\ufffd\n", max_size=6), st.integers(0, 99))
def test_punctuation_and_numbers_around_a_word_change_nothing(noise: str, number: int) -> None:
    names = pl.Series([f"{noise}PIANO{number}", f"{noise}{number}{noise}cello{noise}"])
    assert categories_of_names(names, TAXONOMY)["category"].to_list() == ["acoustic-piano", "solo-strings"]


def test_every_category_has_a_training_label_and_expected_names() -> None:
    assert TAXONOMY.labels == ("Pads", "Pianos", "Plucked", "Bass", "Orchestra", "Synth", "Perc", "Other")
    assert set(TAXONOMY.label_of.values()) == set(TAXONOMY.labels)
    assert tuple(TAXONOMY.label_of) == TAXONOMY.categories
    assert set(EXPECTED) == set(TAXONOMY.categories)


def test_a_sound_is_labeled_by_its_names() -> None:
    rows = label(sounds((["E.PIANO 1", "BASS"], [12, 2]), (["XYZ"], [3]), ([], []), algorithm=31), TAXONOMY)
    LabeledVoices.validate(rows)
    piano, unknown, nameless = rows.rows(named=True)
    assert (piano["sound_id"], piano["category"], piano["label"]) == ("0" * 20, "electric-piano", "Pianos")
    assert piano["evidence"] == "names: electric-piano, 12 of 14 votes (E.PIANO 1, by EPIANO)"
    trusted = TAXONOMY.reliability["words"] / 100
    assert piano["confidence"] == pytest.approx(12 / 14 * trusted + (1 - trusted) / len(TAXONOMY.learnable))
    assert piano["label_confidence"] > piano["confidence"]
    assert (piano["by_names"], piano["by_model"], piano["model"]) == ("electric-piano", None, None)
    assert (piano["decided_by"], piano["algorithm_label"]) == ("names", 32)
    for row in (unknown, nameless):
        assert (row["category"], row["label"], row["decided_by"]) == ("other", "Other", "nothing")
        assert (row["by_names"], row["evidence"], row["categories"]) == (None, None, ["other"])


def test_a_name_may_mention_several_categories() -> None:
    rows = label(sounds((["BELL PNO"], [1]), (["SYN LEAD"], [1]), (["BASS", "BASS 2", "FLUTE"], [2, 2, 2])), TAXONOMY)
    assert rows["categories"].to_list() == [["acoustic-piano", "bell"], ["lead"], ["bass", "woodwind"]]
    assert rows["labels"].to_list() == [["Pianos", "Perc"], ["Synth"], ["Bass", "Orchestra"]]
    found = categories_of_names(pl.Series(["BELL PNO", "XYLO SYN", "SYN", "PIANO PNO"]), TAXONOMY)["mentions"]
    assert found.to_list() == [["acoustic-piano", "bell"], ["mallet"], [], ["acoustic-piano"]]


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("organ", "organ"),
        (" Electric-Piano ", "electric-piano"),
        ("ACOUSTIC_PIANO", "acoustic-piano"),
        ("E. Piano", "electric-piano"),
        ("sfx", "effect"),
        ("other", "other"),
        ("synth", "synth"),  # a category and a label: the category wins
        ("BASS", "bass"),
    ],
)
def test_a_category_is_found_by_its_name_or_an_alias_in_any_case(text: str, category: str) -> None:
    assert find_category(text, TAXONOMY) == category


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Pianos", "'Pianos' is a label of several categories: choose electric-piano or acoustic-piano or clav"),
        ("pads", "'pads' is a label of several categories: choose choir or pad"),
        ("Spaceship", "'Spaceship' is not a category (did you mean effect?); categories are electric-piano, "),
        ("Rhodes 2", "'Rhodes 2' is not a category (did you mean electric-piano?); categories are "),
        ("organn", "(did you mean organ?)"),
        ("xyzzy", "'xyzzy' is not a category; categories are electric-piano, "),
        ("\x1b[2J\udcff", "'\\x1b[2J\\udcff' is not a category"),
        ("", "'' is not a category"),
        ("x" * 1000, "... is not a category"),
    ],
)
def test_an_unknown_category_is_refused_with_the_known_ones(text: str, reason: str) -> None:
    with pytest.raises(UnknownCategoryError) as refused:
        find_category(text, TAXONOMY)
    assert reason in str(refused.value)
    assert str(refused.value).isprintable()


@given(st.text())
def test_any_text_is_a_category_or_refused(text: str) -> None:
    try:
        assert find_category(text, TAXONOMY) in TAXONOMY.categories
    except UnknownCategoryError as error:
        assert "electric-piano" in str(error) or "several categories" in str(error)


@pytest.mark.parametrize(
    ("names", "counts", "category", "share", "evidence"),
    [
        (["BASS"], [1], "bass", 0.9, "names: bass, 1 of 1 votes (BASS, by BASS)"),
        (["AIR"], [4], "flute", 0.5, "names: flute, 4 of 4 votes (AIR, by AIR)"),
        # Three hints weigh less than two words.
        (["AIR", "BASS"], [3, 2], "bass", 0.36, "names: bass, 2 of 5 votes (BASS, by BASS)"),
        # Names without known words do not count.
        (["BASS", "XYZ"], [1, 99], "bass", 0.9, "names: bass, 1 of 1 votes (BASS, by BASS)"),
        # Words and hints of a category add up; the name with the most weight is shown.
        (["AIR", "FLUTE", "BASS"], [2, 3, 3], "flute", 0.4625, "names: flute, 5 of 8 votes (FLUTE, by FLUTE)"),
        # A tie goes to the category further up in the file, whatever the order of the names.
        (["FLUTE", "BASS"], [2, 2], "bass", 0.45, "names: bass, 2 of 4 votes (BASS, by BASS)"),
        # Of names with equal weight, the first in alphabetical order is shown.
        (["Z BASS", "A BASS"], [1, 1], "bass", 0.9, "names: bass, 2 of 2 votes (A BASS, by BASS)"),
    ],
)
def test_names_vote_for_categories_by_files(
    small: Taxonomy, names: list[str], counts: list[int], category: str, share: float, evidence: str
) -> None:
    evidences = combine_evidence(sounds((names, counts)), NO_FAMILIES, small, None)
    assert evidences.shares["names"][0, small.number[category]] == pytest.approx(share)
    (row,) = label_sounds(evidences).rows(named=True)
    assert (row["category"], row["evidence"]) == (category, evidence)
    (reversed_row,) = label(sounds((names[::-1], counts[::-1])), small).rows(named=True)
    assert reversed_row == row


def test_a_sound_below_the_least_confidence_is_other(small: Taxonomy, tmp_path: Path) -> None:
    frame = sounds((["AIR"], [1]))
    assert label(frame, small)["category"].to_list() == ["flute"]
    strict = (tmp_path / "small.toml").read_text().replace("least_confidence = 40", "least_confidence = 80")
    (tmp_path / "strict.toml").write_text(strict)
    (row,) = label(frame, load_taxonomy(tmp_path / "strict.toml")).rows(named=True)
    assert (row["category"], row["label"], row["decided_by"]) == ("other", "Rest", "nothing")
    assert (row["likeliest"], row["confidence"]) == ("flute", pytest.approx(0.75))


def test_a_sound_without_evidence_is_other_however_few_categories_there_are(small: Taxonomy) -> None:
    rows = label(sounds((["XYZ"], [1]), (["BASS"], [1])), small)
    assert rows["category"].to_list() == ["other", "bass"]


def test_rows_are_sorted_whatever_the_order_of_sounds() -> None:
    words = [name for names in EXPECTED.values() for name in names]
    rows = [([words[i % len(words)], words[i * 7 % len(words)]], [i % 3 + 1, i % 2 + 1]) for i in range(200)]
    frame = sounds(*rows)
    labeled = label(frame, TAXONOMY)
    assert labeled["sound_id"].equals(frame["sound_id"])
    assert labeled.equals(label(frame.reverse(), TAXONOMY))
    assert label(frame.clear(), TAXONOMY).schema == labeled.schema


def test_names_without_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="same length"):
        label(sounds((["BASS", "FLUTE"], [1])), TAXONOMY)


def test_a_copy_of_the_taxonomy_may_be_edited(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(package_text())
    assert load_taxonomy(path) == TAXONOMY
    path.write_text(package_text().replace("silent = [\n", 'silent = [\n    "PIANO TUNER",\n'))
    assert categories_of_names(pl.Series(["PIANOTUNER"]), load_taxonomy(path))["category"].to_list() == ["other"]


SMALLEST = """labels = ["Rest"]
[reliability]
words = 90
hints = 50
family = 80
folders = 40
[weight]
names = 100
model = 100
family = 0
folders = 100
[decision]
least_confidence = 30
also_from = 20
least_examples = 5
[category.other]
label = "Rest"
[category.low]
label = "Rest"
[category.high]
label = "Rest"
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('labels = ["A"]\nsilent = what', "line 2"),
        ("", "labels: is missing"),
        ("labels = []", "labels: there must be at least one, each listed once"),
        ('labels = ["A", "A"]', "labels: there must be at least one, each listed once"),
        ("labels = 3", "labels: must be a list, not 3"),
        ('labels = ["A"]\n[category.bass]\nlabel = "A"', "category: there must be one named 'other'"),
        (
            SMALLEST[::-1].replace('"tseR"', '"ssaB"', 1)[::-1],
            "category.high.label: 'Bass' is not one of the labels Rest",
        ),
        (
            SMALLEST + 'wrods = ["BASS"]',
            "category.high.wrods: unknown key; known keys are label, aliases, words, hints",
        ),
        (SMALLEST + "words = [1]", "category.high.words 1: must be a text, not 1"),
        (
            SMALLEST + 'words = ["BASS"]\nhints = ["*BASS*"]',
            r"category.high.hints: '\*BASS\*' is already in category.high.words",
        ),
        (SMALLEST + 'words = ["E.P", "EP"]', "category.high.words: 'EP' is already in category.high.words"),
        (SMALLEST + 'words = ["..."]', "category.high.words: '...' is not a word"),
        (SMALLEST + 'words = [""]', "category.high.words: '' is not a word"),
        (SMALLEST + 'words = ["BA*SS"]', r"category.high.words: 'BA\*SS' is not a word"),
        (SMALLEST + 'words = ["(BASS|.)"]', "category.high.words: .* is not a word"),
        (SMALLEST + 'words = ["*BS*"]', r"category.high.words: '\*BS\*' is too short"),
        (
            SMALLEST.replace("[category.high]", "[category.low.x]"),
            "category.low.x: unknown key; known keys are label, aliases, words, hints",
        ),
        (SMALLEST.partition("[category.high]")[0], "category: there must be at least two besides 'other'"),
        (SMALLEST.replace("90", "0"), "reliability.words: must be at least 1, not 0"),
        (SMALLEST.replace("50", "true"), "reliability.hints: must be a whole number, not True"),
        (
            SMALLEST.replace("names = 100", "name = 100"),
            "weight.name: unknown key; known keys are names, model, family, folders",
        ),
        (SMALLEST.replace("model = 100", "model = -1"), "weight.model: must be at least 0, not -1"),
        (
            SMALLEST.replace("also_from = 20\n", ""),
            "decision.also_from: is missing",
        ),
        (SMALLEST + '[[phrase]]\ncategory = "bas"', "phrase 1.category: there is no category 'bas'"),
        (SMALLEST + "[phrase]", "phrase: must be a list, not a table"),
        (SMALLEST + "[extra]", "extra: unknown key; known keys are labels, "),
        ("category = 3\n" + 'labels = ["A"]', "category: must be a table, not 3"),
        (
            SMALLEST.replace("[category.low]", 'words = ["MISC"]\n[category.low]'),
            "other.words: no word can indicate",
        ),
        (
            SMALLEST.replace("[category.low]", 'hints = ["MISC"]\n[category.low]'),
            "other.hints: no word can indicate",
        ),
        (SMALLEST + '[[phrase]]\ncategory = "other"\nfirst = ["A"]\nthen = ["B"]', "phrase 1: no word can indicate"),
        (SMALLEST + 'aliases = ["LOW!"]', "category.high.aliases: 'LOW!' already means low"),
        (SMALLEST + 'aliases = ["?"]', "category.high.aliases: '\\?' has neither letters nor digits"),
        (SMALLEST + '[category.HIGH]\nlabel = "Rest"', "category.HIGH: 'HIGH' already means high"),
        (SMALLEST + '[category."\\u001b[2J"]\nlabel = "Rest"', r"category.\\x1b\[2J: a key must have"),
        (SMALLEST + f'words = ["{"A" * 41}"]', "category.high.words: .* is not a word: .*40 characters at most"),
        (SMALLEST.replace('["Rest"]', '["Rest", ""]'), "labels: '' is not 1 to 40 printable characters"),
        (SMALLEST + f"words = {[f'W{n}X' for n in range(9_999)]}", "category.high.words: all words together have over"),
        (
            SMALLEST + "[[phrase]]\ncategory = 'low'\n"
            f"first = {[f'A{n}' for n in range(9_999)]}\nthen = {[f'B{n}' for n in range(9_999)]}",
            "phrase 1: all words together have over 50,000 letters",
        ),
        (
            SMALLEST.replace("90", "0x" + "f" * 9999),
            "reliability.words: must be at most 99, not a number of over 64 bits",
        ),
    ],
)
def test_an_invalid_taxonomy_is_refused_with_file_place_and_reason(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        load_taxonomy(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        SMALLEST,
        SMALLEST.replace("100", "0"),
        SMALLEST.replace("least_confidence = 30", "least_confidence = 0"),
        SMALLEST.replace("least_confidence = 30", "least_confidence = 100"),
        SMALLEST
        + 'words = ["*BASS*"]\naliases = ["Bass!"]\n[category."\u97f3 x"]\nlabel = "Rest"\nhints = ["*PIANO*"]',
        SMALLEST + f"words = {[f'{n:04}' + 'A1B2C3D4E5F6G7H8' * 2 for n in range(1_300)]}",
    ],
)
def test_every_valid_taxonomy_labels_sounds(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    taxonomy = load_taxonomy(path)
    rows = label(sounds((["BASS 1", "PIANO"], [2, 1]), (["XYZ"], [1]), ([], [])), taxonomy)
    LabeledVoices.validate(rows)
    assert set(rows["category"]) <= set(taxonomy.categories)
