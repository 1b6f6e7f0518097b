"""The user's own files, read and checked as a run will read them: what is wrong with one is told before the run."""

from contextlib import suppress

from deepdx_core.curation.measures import measures
from deepdx_core.curation.opinions import read_opinions
from deepdx_core.curation.rules import load_rules
from deepdx_core.curation.verdicts import judge, require_sense
from deepdx_core.home import Home
from deepdx_core.labels.taxonomy import find_taxonomy
from deepdx_core.sound.measuring import by_sound
from deepdx_core.tables.schemas import (
    VERDICTS,
    AudioFeatures,
    CorruptionTrainingSet,
    DecodedVoices,
    Families,
    UniqueVoices,
)
from deepdx_core.tables.storage import DamagedTableError, MissingTableError, Tables


def check_configuration(home: Home) -> None:
    """Read rules.toml, taxonomy.toml, verdicts.csv and labels.csv, and ask every rule about a corpus without sounds.

    Raises RulesError, TaxonomyError or OpinionsError, which name the file, the place in it and the reason.
    """
    read_opinions(home.labels, "category", find_taxonomy(home.taxonomy).categories)
    said = read_opinions(home.verdicts, "verdict", VERDICTS)
    rules = load_rules(home.rules)
    no_sounds = measures(
        UniqueVoices.create_empty(),
        DecodedVoices.create_empty().select("sha256", "offset", "slot", "sound_id"),
        Families.create_empty().select("sound_id", "family_id", "family_size"),
        by_sound(AudioFeatures.create_empty()),
        CorruptionTrainingSet.create_empty(),
        rules.repair,
    )
    judge(no_sounds, rules.rules, said)
    known = UniqueVoices.create_empty().select("sound_id", "in_range")
    with suppress(MissingTableError, DamagedTableError):  # the run makes it, or makes it anew
        known = Tables(home).read("unique_voices", known.columns)
    require_sense(said, known)
