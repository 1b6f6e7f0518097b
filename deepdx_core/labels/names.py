"""What a name says: from names to categories, every distinct name once."""

from difflib import get_close_matches

import polars as pl

from deepdx_core.display import printable
from deepdx_core.documents import shown
from deepdx_core.errors import DeepDXError
from deepdx_core.labels.taxonomy import OTHER, Taxonomy, WordRule, called


class UnknownCategoryError(DeepDXError):
    """What a user calls a sound is no category of the taxonomy; the message says which there are."""


def categories_of_names(names: pl.Series, taxonomy: Taxonomy) -> pl.DataFrame:
    """What each name says, in the order given: columns `name`, `category`, `evidence`, `hint` and `mentions`.

    `evidence` is the word that decided, without its gaps, and `hint` whether it only hints; both are null where the
    category is "other" because no word says anything. `mentions` are all categories that words, not hints, of the name
    speak of, the one decided on first: a BELL PNO is a piano and mentions a bell. The rules and their order are
    explained in the taxonomy's file.
    """
    asked = pl.DataFrame({"name": names.cast(pl.String)})
    rules = pl.DataFrame(
        {
            "evidence": [rule.key for rule in taxonomy.rules],
            "category": [rule.category for rule in taxonomy.rules],
            "hint": [rule.hint for rule in taxonomy.rules],
        },
        schema={"evidence": pl.String, "category": pl.String, "hint": pl.Boolean},
    ).drop_nulls("category")
    decided = (
        asked.lazy()
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
        asked.lazy()
        .join(decided, on="name", how="left", maintain_order="left")
        .select(
            "name", pl.col("category").fill_null(OTHER), "evidence", "hint", pl.col("mentions").fill_null(pl.lit([]))
        )
        .collect()
    )


def category_called(text: str, taxonomy: Taxonomy) -> str:
    """The category that somebody means who writes its name, an alias, or a label that has no other category.

    Case, gaps and punctuation aside: "Electric Piano" is electric-piano. Raises UnknownCategoryError for anything else,
    also for a word that would only speak for a category in the name of a voice.
    """
    wanted = called(text)
    if wanted in taxonomy.category_of:
        return taxonomy.category_of[wanted]
    of_label = [name for name in taxonomy.categories if called(taxonomy.label_of[name]) == wanted]
    if len(of_label) == 1:
        return of_label[0]
    asked = shown(text)
    if of_label:
        raise UnknownCategoryError(f"{asked} is a training label of several categories: say {' or '.join(of_label)}")
    category, word = categories_of_names(pl.Series([printable(text)]), taxonomy).select("category", "evidence").row(0)
    alike = get_close_matches(wanted, taxonomy.category_of, n=1)
    guess = category if word is not None else taxonomy.category_of[alike[0]] if alike else None
    hint = f"; if you mean {guess}, say so" if guess else ""
    raise UnknownCategoryError(f"{asked} is no category{hint}: there are {', '.join(taxonomy.categories)}")


def pieces(name: pl.Expr) -> pl.Expr:
    """Runs of letters and of digits in upper case, with one space between."""
    humps = name.str.replace_all(r"([a-z])([A-Z])", "${1} ${2}").str.replace_all(r"([A-Z])([A-Z][a-z]{2})", "${1} ${2}")
    return humps.str.to_uppercase().str.extract_all(r"[A-Z]+|[0-9]+").list.join(" ")


def _pattern(taxonomy: Taxonomy) -> str:
    # Alternatives are tried in their order, so the longest word at a place is found before those it hides.
    longest_first = sorted(taxonomy.rules, key=lambda rule: (-len(rule.key), rule.key))
    return "|".join(map(_alternative, longest_first))


def _alternative(rule: WordRule) -> str:
    # Pieces are letters or digits only, so nothing in them means anything to the regex.
    edge = r"(?-u:\b)"
    return ("" if rule.open_left else edge) + " ?".join(rule.pieces) + ("" if rule.open_right else edge)
