"""What players write on the display: honest names, abbreviations, numbers, at times a name that says nothing."""

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.names import text_to_names
from deepdx_core.voice.parameters import NAME_LENGTH
from tools.demo_corpus.draws import Draws, Ints
from tools.demo_corpus.sheets import Family
from tools.demo_corpus.variants import VARIANTS

_TELLS_NOTHING = 8  # of a hundred names

# fmt: off
_WORDS = (
    "INDIGO", "KARIN", "ZEBRA", "MONDAY", "NOVEMBER", "LISBON", "OTTO", "PAPAYA", "TUESDAY", "BERLIN", "FRIDA",
    "MARBLE", "COBALT", "SAFFRON", "UMBRA", "ZENO", "KLAUS", "NOMAD", "OPAL", "RUBIN", "SIENNA", "TOPAZ", "JUNE",
    "ELEVEN", "MAGENTA", "YES", "NO.NAME", "???", "UNTITLED", "ASDF", "QWERTY",
)
# fmt: on
_COUNTED = ("NR {}", "TEST {}", "TEST{}", "PATCH {}", "TMP {}", "NEW {}", "MY {}", "X-{}", "NO {}", "USER {}")


def name_voices(family: Family, variants: Ints, draws: Draws) -> UInt8Array:
    """Names `uint8[n, 10]` of a family's voices; variants: `int64[n]` as `compose_family` gives them."""
    bases = draws.pick(family.names, len(variants))
    used: dict[str, int] = {}
    texts: list[str] = []
    for base, variant in zip(bases, variants.tolist(), strict=True):
        text = base if variant < 0 else _varied(base, _shuffled(VARIANTS[variant].words, draws))
        used[text] = used.get(text, 0) + 1
        texts.append(_numbered(text, used[text]))
    return text_to_names(_as_players_do(texts, draws))


def names_saying_nothing(n: int, draws: Draws) -> list[str]:
    """So many names that tell nothing of the sound."""
    numbers = draws.integers(1, 99, (n,)).tolist()
    counted = [text.format(i) for text, i in zip(draws.pick(_COUNTED, n), numbers, strict=True)]
    words = draws.pick(_WORDS, n)
    return [a if first else b for a, b, first in zip(words, counted, draws.chance(50, (n,)), strict=True)]


def _shuffled(words: tuple[str, ...], draws: Draws) -> tuple[str, ...]:
    return tuple(words[i] for i in draws.order(len(words)))


def _varied(base: str, words: tuple[str, ...]) -> str:
    # The first of the words that fits, set apart or not; where none does, the name stays as it is and gets a number.
    apart = [f"{word} {base}" if len(word) > 3 else f"{base} {word}" for word in words]
    return _first_that_fits([*apart, *(f"{base}{word}" for word in words), base])


def _numbered(text: str, count: int) -> str:
    if count == 1:
        return text
    cut = text[: NAME_LENGTH - len(str(count))]
    return _first_that_fits([f"{base}{count}" for base in (f"{text} ", text, text.replace(" ", ""), cut)])


def _first_that_fits(texts: list[str]) -> str:
    return next(text for text in texts if len(text) <= NAME_LENGTH)


def _as_players_do(texts: list[str], draws: Draws) -> list[str]:
    n = len(texts)
    lower, close, silent = draws.chance(14, (n,)), draws.chance(12, (n,)), draws.chance(_TELLS_NOTHING, (n,))
    nothing = names_saying_nothing(n, draws)
    result: list[str] = []
    for i, text in enumerate(texts):
        if silent[i]:
            result.append(nothing[i])
            continue
        if close[i] and text[-1].isdigit():
            text = "".join(text.rsplit(" ", 1))
        # "Ep" and "Ii" nobody writes.
        short = any(len(word) < 3 and word.isalpha() for word in text.replace(".", " ").split())
        result.append(text.title() if lower[i] and not short else text)
    return result
