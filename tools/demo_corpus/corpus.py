"""The whole demo corpus: voices, banks, planted files and the README, as bytes and as a folder."""

from pathlib import Path

from tools.demo_corpus.banks import build_backups, build_friends_banks, build_mixed_banks, build_sorted_banks
from tools.demo_corpus.planted_files import build_planted_files
from tools.demo_corpus.random_draws import Draws
from tools.demo_corpus.readme import README, format_readme
from tools.demo_corpus.voices import Voices, compose_voices

_LAYOUT = 7  # seed of the layout; each family has its own


def compose_corpus(seed: int = 1983) -> dict[str, bytes]:
    """Return all files of the corpus by path. The same seed gives the same bytes on every machine."""
    draws = Draws(seed, _LAYOUT, _LAYOUT)
    everything = compose_voices(seed)
    files, loose = build_sorted_banks(everything, draws)
    used = 0

    def take(n: int) -> Voices:
        nonlocal used
        used += n
        if used > len(loose):
            raise ValueError(f"the planted files take {used} voices, but only {len(loose)} are left")
        return loose[used - n : used]

    planted = build_planted_files(take, draws)
    files |= build_mixed_banks(loose[used:], everything, draws)
    files |= build_friends_banks(everything, draws)
    files |= build_backups(files)
    files |= {file.path: file.content for file in planted}
    return {README: format_readme(planted, everything, files), **dict(sorted(files.items()))}


def write_corpus(directory: Path) -> None:
    """Write the corpus into a folder, each file atomically. Other files in the folder are left alone."""
    for path, content in compose_corpus().items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f"{target.name}.tmp")
        temporary.write_bytes(content)
        temporary.replace(target)
