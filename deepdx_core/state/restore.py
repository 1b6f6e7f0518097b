"""Restoring a backup: read and opened beside the home first, then put in place, to its end even after a kill."""

import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path

from filelock import FileLock

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.files import open_regular, working_folder, written_whole
from deepdx_core.home import Home
from deepdx_core.state import store
from deepdx_core.state.backup import CONTENTS, DAMAGE, FORMAT, NAMES_BY_VERSION, now
from deepdx_core.state.migrations import VERSION
from deepdx_core.tables.storage import MANIFEST

_CHUNK = 1 << 20
_LARGEST = 16 << 30  # bytes of all files in a backup
_LARGEST_CONTENTS = 64 << 20


class BackupError(DeepDXError):
    """A file is no backup that can be restored; the message names it and the reason."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{printable(str(path))}: {reason}")


def restore(home: Home, path: Path) -> Path | None:
    """Put the state in a backup in place of that of a home; return the folder to which the present one was moved.

    The state is unpacked, migrated if it is older, and checked before anything is replaced. Models stay where the
    backup holds none, and so does the configuration where it is of version 0. Raises BackupError for a file that is no
    backup, is damaged, or holds a state that cannot be used. Whoever calls this holds the run lock.
    """
    if home.state.is_symlink():
        raise BackupError(
            path, f"{home.state} is a link, which a restore would not follow: put the folder itself there"
        )
    home.root.mkdir(parents=True, exist_ok=True)
    with working_folder(home.root) as folder:
        new = Home(folder / "new")
        version = _unpack(path, new.root)
        if version and not new.models.exists() and home.models.is_dir():
            shutil.copytree(home.models, new.models, copy_function=_link)
        try:
            store.open_state(new, lambda message: None)
        except DeepDXError as error:
            raise BackupError(path, f"its state cannot be used: {error}") from error
        replaced = home.backups / f"replaced-{now()}"
        # Where a kill comes between the steps, `store.finish_restore` takes them up from this folder.
        names = [home.state.name, *((home.rules.name, home.taxonomy.name) if version else ())]
        pending = folder / "pending"
        (pending / "new").mkdir(parents=True)
        steps: dict[str, object] = {
            "new": [name for name in names if (new.root / name).exists()],
            "gone": [name for name in names if not (new.root / name).exists()],
            "replaced": replaced.name,
        }
        for name in names:
            if (new.root / name).exists():
                (new.root / name).rename(pending / "new" / name)
        with written_whole(pending / store.STEPS) as temporary:
            temporary.write_text(json.dumps(steps))
        home.locks.mkdir(exist_ok=True)
        with FileLock(home.overrides_lock):
            pending.rename(home.restoring)
            store.finish_restore(home)
    return replaced if replaced.is_dir() else None


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _unpack(path: Path, folder: Path) -> int:
    """Write the files of a backup to a folder, and return the version of its state."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            infos = {info.filename: info for info in archive.infolist()}
            too_large = sum(info.file_size for info in infos.values()) > _LARGEST
            if too_large or infos[CONTENTS].file_size > _LARGEST_CONTENTS:
                raise BackupError(path, "is larger than any backup")
            contents = json.loads(archive.read(CONTENTS))
            version, files = contents["version"], contents["files"]
            if contents["format"] != FORMAT or type(version) is not int or not 0 <= version <= VERSION:
                raise BackupError(path, "was written by another version of Deep DX, which this one cannot read")
            for name, digest in files.items():
                if not NAMES_BY_VERSION[version].fullmatch(name):
                    raise BackupError(path, f"holds {printable(name)!r}, which no backup does")
                _unpack_file(archive, infos[name], folder / name, digest)
            if not files or (version and not (Home(folder).state / MANIFEST).is_file()):
                raise BackupError(path, "holds no state")
    except FileNotFoundError as error:
        raise BackupError(path, "there is no such file") from error
    # A damaged zip fails in any of its decoders' ways.
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, *DAMAGE) as error:
        raise BackupError(path, f"is no backup, or damaged ({printable(str(error))})") from error
    return version


def _unpack_file(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, digest: str) -> None:
    found, left = hashlib.sha256(), info.file_size
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as source, target.open("wb") as file:
        while piece := source.read(min(_CHUNK, left + 1)):
            left -= len(piece)
            if left < 0:
                raise ValueError(f"{info.filename} is longer than it says")
            found.update(piece)
            file.write(piece)
    if found.hexdigest() != digest:
        raise ValueError(f"{info.filename} does not fit its checksum")
