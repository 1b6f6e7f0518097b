"""Voice names as players write them: honest names, abbreviations, numbers, and some without meaning."""

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.codec.names import text_to_names
from deepdx_core.voice.parameters import NAME_LENGTH
from tools.demo_corpus.random_draws import Draws
from tools.demo_corpus.sheets import Family
from tools.demo_corpus.variants import VARIANTS

_MEANINGLESS = 8  # percent of names

# fmt: off
_WORDS = (
    "INDIGO", "KARIN", "ZEBRA", "MONDAY", "NOVEMBER", "LISBON", "OTTO", "PAPAYA", "TUESDAY", "BERLIN", "FRIDA",
    "MARBLE", "COBALT", "SAFFRON", "UMBRA", "ZENO", "KLAUS", "NOMAD", "OPAL", "RUBIN", "SIENNA", "TOPAZ", "JUNE",
    "ELEVEN", "MAGENTA", "YES", "NO.NAME", "???", "UNTITLED", "ASDF", "QWERTY",
)
# fmt: on
_NUMBERED = ("NR {}", "TEST {}", "TEST{}", "PATCH {}", "TMP {}", "NEW {}", "MY {}", "X-{}", "NO {}", "USER {}")


def name_voices(family: Family, variants: Int64Array, draws: Draws) -> UInt8Array:
    """Return names `uint8[n, 10]` of a family's voices. variants: `int64[n]` from `compose_family`."""
    bases = draws.pick(family.names, len(variants))
    used: dict[str, int] = {}
    texts: list[str] = []
    for base, variant in zip(bases, variants.tolist(), strict=True):
        text = base if variant < 0 else _name_variant(base, _shuffle(VARIANTS[variant].words, draws))
        used[text] = used.get(text, 0) + 1
        texts.append(_add_number(text, used[text]))
    return text_to_names(_restyle(texts, draws))


def draw_meaningless_names(n: int, draws: Draws) -> list[str]:
    """Draw n names that do not describe the sound."""
    numbers = draws.integers(1, 99, (n,)).tolist()
    numbered = [text.format(i) for text, i in zip(draws.pick(_NUMBERED, n), numbers, strict=True)]
    words = draws.pick(_WORDS, n)
    return [a if first else b for a, b, first in zip(words, numbered, draws.chance(50, (n,)), strict=True)]


def _shuffle(words: tuple[str, ...], draws: Draws) -> tuple[str, ...]:
    return tuple(words[i] for i in draws.order(len(words)))


def _name_variant(base: str, words: tuple[str, ...]) -> str:
    # The first word that fits, with a space or without. If none fits, the name stays as it is and gets a number.
    apart = [f"{word} {base}" if len(word) > 3 else f"{base} {word}" for word in words]
    return _first_that_fits([*apart, *(f"{base}{word}" for word in words), base])


def _add_number(text: str, count: int) -> str:
    if count == 1:
        return text
    cut = text[: NAME_LENGTH - len(str(count))]
    return _first_that_fits([f"{base}{count}" for base in (f"{text} ", text, text.replace(" ", ""), cut)])


def _first_that_fits(texts: list[str]) -> str:
    return next(text for text in texts if len(text) <= NAME_LENGTH)


def _restyle(texts: list[str], draws: Draws) -> list[str]:
    n = len(texts)
    lower, close, meaningless = draws.chance(14, (n,)), draws.chance(12, (n,)), draws.chance(_MEANINGLESS, (n,))
    meaningless_names = draw_meaningless_names(n, draws)
    result: list[str] = []
    for i, text in enumerate(texts):
        if meaningless[i]:
            result.append(meaningless_names[i])
            continue
        if close[i] and text[-1].isdigit():
            text = "".join(text.rsplit(" ", 1))
        # Nobody writes "Ep" or "Ii".
        short = any(len(word) < 3 and word.isalpha() for word in text.replace(".", " ").split())
        result.append(text.title() if lower[i] and not short else text)
    return result
