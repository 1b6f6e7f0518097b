"""The macros of the database: functions over its tables for similar sounds and names. Every macro has a description."""

from dataclasses import dataclass

from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import PARAMETER_NAMES


@dataclass(frozen=True)
class Macro:
    """A macro: its parameters, description and body. A table macro returns rows, any other a value."""

    parameters: tuple[str, ...]
    description: str
    sql: str
    returns_table: bool = False


_DIFFERING = " + ".join(f"(one.{name} <> other.{name})::UTINYINT" for name in PARAMETER_NAMES)


def _normalize(text: str) -> str:
    return rf"regexp_replace(lower(strip_accents({text})), '[^\p{{L}}\p{{N}}]', '', 'g')"


# DuckDB inserts the arguments of a macro as expressions. The macros bind them in a subquery without tables: elsewhere,
# an argument that is a column, such as sound_id, would become a column of the macro's own tables.
MACROS = {
    "carriers": Macro(
        ("sound",),
        "Carriers of a sound, given by id, or of an algorithm, as operators 1 to 6. An algorithm counts from 0, as in "
        "the column of that name; null if it is not 0 to 31, or for an unknown id.",
        f"""
        CASE WHEN typeof(sound) = 'VARCHAR' THEN (
            SELECT one.carriers FROM (SELECT sound::VARCHAR AS one_id)
            JOIN unique_voices AS one ON one.sound_id = one_id
        ) WHEN TRY_CAST(sound AS BIGINT) >= 0 THEN
            ({[sorted(a.carriers) for a in ALGORITHMS]}::UTINYINT[][])[TRY_CAST(sound AS BIGINT) + 1]
        END
        """,
    ),
    "distance": Macro(
        ("a", "b"),
        "Number of parameters, 0 to 145, that differ between the sounds with these ids; null for an unknown id.",
        f"""(
        SELECT {_DIFFERING}
        FROM (SELECT a AS one_id, b AS other_id)
        JOIN unique_voices AS one ON one.sound_id = one_id
        JOIN unique_voices AS other ON other.sound_id = other_id
        )""",
    ),
    "similar_to": Macro(
        ("sound", "n"),
        "The n valid sounds that differ from the sound with this id in the fewest parameters, the nearest first: "
        "sound_id, name, differing (number of parameters), files.",
        f"""
        SELECT other.sound_id, other.name, {_DIFFERING} AS differing, other.files
        FROM (SELECT sound AS one_id)
        JOIN unique_voices AS one ON one.sound_id = one_id
        JOIN unique_voices AS other ON other.sound_id <> one_id
        SEMI JOIN (FROM verdicts WHERE verdict = 'valid') AS valid ON valid.sound_id = other.sound_id
        ORDER BY differing, other.files DESC, other.sound_id LIMIT n
        """,
        returns_table=True,
    ),
    "find_names": Macro(
        ("text",),
        "Sounds with a name that contains the text or is similar to it (Jaro-Winkler), ignoring case, accents, spaces "
        "and punctuation, the most similar first: sound_id, name (its most similar one), similarity (0.8 to 1; 1 is "
        "equal), files.",
        f"""
        WITH wanted AS (SELECT {_normalize("text")} AS wanted_key),
        names AS (
            SELECT sound_id, alias, files, {_normalize("alias")} AS alias_key
            FROM (SELECT sound_id, files, unnest(names) AS alias FROM unique_voices)
        ),
        compared AS (
            SELECT sound_id, alias, files,
                CASE WHEN contains(alias_key, wanted_key) THEN 0.9 + 0.1 * length(wanted_key) / length(alias_key)
                ELSE jaro_winkler_similarity(alias_key, wanted_key) END AS similarity
            FROM names, wanted WHERE wanted_key <> '' AND alias_key <> ''
        )
        SELECT sound_id, alias AS name, similarity, files FROM compared WHERE similarity >= 0.8
        QUALIFY row_number() OVER (PARTITION BY sound_id ORDER BY similarity DESC, alias) = 1
        ORDER BY similarity DESC, files DESC, sound_id
        """,
        returns_table=True,
    ),
}
"""Every macro by its name."""
