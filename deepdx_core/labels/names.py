"""Categories from the names of voices; each distinct name is classified once."""

from difflib import get_close_matches

import polars as pl

from deepdx_core.display import printable, shown
from deepdx_core.errors import DeepDXError
from deepdx_core.labels.taxonomy import OTHER, Taxonomy, WordRule, normalize


class UnknownCategoryError(DeepDXError):
    """The user's word is not a category of the taxonomy; the message lists the categories."""


def categories_of_names(names: pl.Series, taxonomy: Taxonomy) -> pl.DataFrame:
    """Return the category of each name, in the order given: `name`, `category`, `evidence`, `hint` and `mentions`.

    `evidence` is the deciding word without gaps, `hint` is true if it is only a hint; both are null if no word of the
    name is known and the category is "other". `mentions` lists the categories of all words, not hints, the chosen one
    first: a BELL PNO is a piano and mentions a bell. `taxonomy.toml` explains the rules and their order.
    """
    rows = pl.DataFrame({"name": names.cast(pl.String)})
    rules = pl.DataFrame(
        {
            "evidence": [rule.key for rule in taxonomy.rules],
            "category": [rule.category for rule in taxonomy.rules],
            "hint": [rule.hint for rule in taxonomy.rules],
        },
        schema={"evidence": pl.String, "category": pl.String, "hint": pl.Boolean},
    ).drop_nulls("category")
    decided = (
        rows.lazy()
        .unique()
        .drop_nulls()
        .select("name", evidence=pieces(pl.col("name")).str.extract_all(_pattern(taxonomy)))
        .explode("evidence")
        .with_columns(pl.col("evidence").str.replace_all(" ", "", literal=True), place=pl.int_range(pl.len()))
        .join(rules.lazy(), on="evidence")
        .sort("hint", "place", descending=[False, True])
        .group_by("name", maintain_order=True)
        .agg(
            pl.col("category", "evidence", "hint").first(),
            mentions=pl.col("category").filter(~pl.col("hint")).unique(maintain_order=True),
        )
    )
    return (
        rows.lazy()
        .join(decided, on="name", how="left", maintain_order="left")
        .select(
            "name", pl.col("category").fill_null(OTHER), "evidence", "hint", pl.col("mentions").fill_null(pl.lit([]))
        )
        .collect()
    )


def find_category(text: str, taxonomy: Taxonomy) -> str:
    """Return the category with this name or alias, or the only category of this label.

    Ignores case, gaps and punctuation: "Electric Piano" is electric-piano. Raises UnknownCategoryError for anything
    else, even for a word that would indicate a category in the name of a voice.
    """
    key = normalize(text)
    if key in taxonomy.category_of:
        return taxonomy.category_of[key]
    of_label = [name for name in taxonomy.categories if normalize(taxonomy.label_of[name]) == key]
    if len(of_label) == 1:
        return of_label[0]
    if of_label:
        raise UnknownCategoryError(f"{shown(text)} is a label of several categories: choose {' or '.join(of_label)}")
    category, word = categories_of_names(pl.Series([printable(text)]), taxonomy).select("category", "evidence").row(0)
    close = get_close_matches(key, taxonomy.category_of, n=1)
    guess = category if word is not None else taxonomy.category_of[close[0]] if close else None
    hint = f" (did you mean {guess}?)" if guess else ""
    known = ", ".join(taxonomy.categories)
    raise UnknownCategoryError(f"{shown(text)} is not a category{hint}; categories are {known}")


def pieces(name: pl.Expr) -> pl.Expr:
    """Split a name into runs of letters and of digits, in upper case, joined by single spaces."""
    humps = name.str.replace_all(r"([a-z])([A-Z])", "${1} ${2}").str.replace_all(r"([A-Z])([A-Z][a-z]{2})", "${1} ${2}")
    return humps.str.to_uppercase().str.extract_all(r"[A-Z]+|[0-9]+").list.join(" ")


def _pattern(taxonomy: Taxonomy) -> str:
    # Alternatives are tried in order, so the longest word at a position is found before those it hides.
    longest_first = sorted(taxonomy.rules, key=lambda rule: (-len(rule.key), rule.key))
    return "|".join(map(_alternative, longest_first))


def _alternative(rule: WordRule) -> str:
    # Pieces are letters or digits only and need no escaping.
    edge = r"(?-u:\b)"
    return ("" if rule.open_left else edge) + " ?".join(rule.pieces) + ("" if rule.open_right else edge)
