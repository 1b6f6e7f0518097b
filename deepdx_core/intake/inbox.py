"""Bringing files into the inbox."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deepdx_core.files import written_whole
from deepdx_core.intake.contents import RefusedError, read_file
from deepdx_core.intake.survey import inbox_files


@dataclass(frozen=True)
class Arrival:
    """What became of a file: where it stands in the inbox, or why it was refused."""

    source: Path
    target: Path | None = None
    new: bool = False
    refused: str = ""


def add_to_inbox(paths: Iterable[Path], inbox: Path) -> Iterator[Arrival]:
    """Copy files, folders (with their names) and archives into the inbox, one by one.

    Nothing in the inbox is ever overwritten: another file of the same name gets a number, the same file is left alone.
    A path that cannot be read is reported and does not stop the others.
    """
    for given in paths:
        path = given.resolve() if given.is_symlink() else given.absolute()
        if not path.is_dir():
            yield _add(given, path, inbox / path.name)
            continue
        if path == inbox or path in inbox.parents:
            yield Arrival(given, refused="the inbox is inside it")
            continue
        files = inbox_files(path)
        if not files:
            yield Arrival(given, refused="empty folder")
        for file in files:
            yield _add(file, file, inbox / path.name / file.relative_to(path))


def _add(source: Path, path: Path, target: Path) -> Arrival:
    try:
        data = read_file(path)
        number = 1
        while target.exists():
            if target.is_file() and target.read_bytes() == data:
                return Arrival(source, target)
            number += 1
            stem = target.stem.removesuffix(f" ({number - 1})")
            target = target.with_name(f"{stem} ({number}){target.suffix}")
        with written_whole(target) as temporary:
            temporary.write_bytes(data)
    except RefusedError as error:
        return Arrival(source, refused=str(error))
    except OSError as error:
        return Arrival(source, refused=f"cannot be written to the inbox: {error.strerror}")
    return Arrival(source, target, new=True)
