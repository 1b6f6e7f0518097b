"""The whole demo corpus: voices, banks, mess and the README, as bytes and as a folder."""

from pathlib import Path

from tools.demo_corpus.banks import back_up, borrow, mix, shelve
from tools.demo_corpus.draws import Draws
from tools.demo_corpus.mess import plant
from tools.demo_corpus.readme import README, readme
from tools.demo_corpus.voices import Voices, compose_voices

# A name for the stream of the layout; the families have theirs from what they are.
_LAYOUT = 7


def compose_corpus(seed: int = 1983) -> dict[str, bytes]:
    """All files of the corpus, content by path; the same seed gives the same bytes anywhere."""
    draws = Draws(seed, _LAYOUT, _LAYOUT)
    everything = compose_voices(seed)
    files, loose = shelve(everything, draws)
    used = 0

    def take(n: int) -> Voices:
        nonlocal used
        used += n
        if used > len(loose):
            raise ValueError(f"the mess takes {used} voices, but only {len(loose)} are loose")
        return loose[used - n : used]

    planted = plant(take, draws)
    files |= mix(loose[used:], everything, draws)
    files |= borrow(everything, draws)
    files |= back_up(files)
    files |= {file.path: file.content for file in planted}
    return {README: readme(planted, everything, files), **dict(sorted(files.items()))}


def write_corpus(directory: Path) -> None:
    """Writes the corpus into a folder, each file whole or not at all; any other file there is left alone."""
    for path, content in compose_corpus().items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f"{target.name}.tmp")
        temporary.write_bytes(content)
        temporary.replace(target)
