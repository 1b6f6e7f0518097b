"""The views of the database, over its tables: the questions that people ask most. Each column says what it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from deepdx_core.tables.schemas import describe, describe_columns
from deepdx_core.voice.parameters import PARAMETER_NAMES


@dataclass(frozen=True)
class View:
    """A view: what it is, its query, the tables that its columns come from, and what other columns are."""

    about: str
    sql: str
    sources: tuple[str, ...]
    own_columns: Mapping[str, str] = field(default_factory=dict)

    def describe(self, column: str) -> str:
        """What a column is: as the view says, else as the first of its sources that has it says."""
        known = [describe_columns(table) for table in self.sources]
        return next(about[column] for about in (self.own_columns, *known) if column in about)


_FOUND = "the rules that found something in it"

SLOTS = "decoded_slots"
"""The table `decoded_voices` without the parameters, which stand in `unique_voices`: the file is half as large so."""

VIEWS = {
    "decoded_voices": View(
        describe("decoded_voices"),
        f"""
        SELECT {SLOTS}.*, {", ".join(PARAMETER_NAMES)} FROM {SLOTS} LEFT JOIN unique_voices USING (sound_id)
        """,
        ("decoded_voices",),
    ),
    "voices": View(
        "A sound with its names, verdict, family, label and split: what one asks about most.",
        """
        SELECT
            sound_id, name, names, slots, files, verdict, verdicts.decided_by, why,
            [finding.rule FOR finding IN findings] AS found,
            repair, repaired_id, functional_id, family_id, best_name, family_size, family_representative,
            category, label, confidence, split, (algorithm + 1)::UTINYINT AS algorithm_label
        FROM unique_voices JOIN verdicts USING (sound_id) LEFT JOIN families USING (sound_id)
        LEFT JOIN labeled_voices USING (sound_id) LEFT JOIN (FROM training_splits WHERE in_corpus) USING (sound_id)
        """,
        ("unique_voices", "verdicts", "families", "labeled_voices", "training_splits"),
        {"found": _FOUND},
    ),
    "label_disagreements": View(
        "Sounds whose names say one thing and whose parameters another: worth a listen.",
        """
        SELECT sound_id, name, by_names, by_model, category, confidence, evidence
        FROM labeled_voices JOIN (FROM unique_voices SELECT sound_id, name) USING (sound_id)
        WHERE by_names <> by_model
        """,
        ("labeled_voices", "unique_voices"),
    ),
    "least_real": View(
        "Valid sounds, those first that the critic takes most for a model's: odd ones, and some that rules missed.",
        """
        SELECT sound_id, name, realness, learned, label, files, family_size, found
        FROM realness JOIN voices USING (sound_id, label) ORDER BY realness, sound_id
        """,
        ("realness", "unique_voices", "families"),
        {"found": _FOUND},
    ),
    "voice_parameters": View(
        "The 145 parameters, in VCED order, of each valid unique sound.",
        f"""
        SELECT sound_id, {", ".join(PARAMETER_NAMES)}
        FROM unique_voices SEMI JOIN (FROM verdicts WHERE verdict = 'valid') USING (sound_id)
        """,
        ("unique_voices",),
    ),
    "voice_sources": View(
        "Every place where a sound was found: path in the inbox, member of an archive, dump and slot.",
        """
        SELECT sound_id, name, path, member, "offset", slot
        FROM decoded_voices JOIN (FROM raw_files SELECT path, member, sha256) USING (sha256)
        WHERE sound_id IS NOT NULL
        """,
        ("decoded_voices", "raw_files"),
    ),
    "slot_verdicts": View(
        "The verdict on every slot of every dump: that of its sound, and corrupt where it could not be read.",
        """
        SELECT sha256, "offset", slot, name, sound_id, coalesce(verdict, 'corrupt') AS verdict
        FROM decoded_voices LEFT JOIN verdicts USING (sound_id)
        """,
        ("decoded_voices", "verdicts"),
    ),
    "findings": View(
        "Every finding: in a sound, or in a slot that could not be read; rule, severity, parameter and value.",
        """
        SELECT sound_id, NULL AS sha256, NULL AS "offset", NULL AS slot, unnest(findings, recursive := true)
        FROM verdicts
        UNION ALL BY NAME
        SELECT sha256, "offset", slot, 'corrupt' AS severity, unnest(findings, recursive := true)
        FROM decoded_voices WHERE sound_id IS NULL
        """,
        ("decoded_voices",),
        {
            "rule": "the rule that found it",
            "severity": "what the rule makes of it: a verdict, or note for nothing",
            "parameter": "the parameter, or the measure, in which it was found",
            "value": "its value",
        },
    ),
    "funnel": View(
        "From files to families and labels: how many went on at each step, from each source, and what of others.",
        files(__package__).joinpath("funnel.sql").read_text(),
        (),
        {
            "position": "the order of the steps, from 1",
            "step": "the step: files, contents, dumps, voices, sounds, and so on to splits",
            "source": "a top folder of the inbox, or of an archive in it",
            "outcome": "what became of so many at this step: they went on, or why they did not",
            "count": "how many",
        },
    ),
}
"""Every view by its name; a view uses only those before it."""
