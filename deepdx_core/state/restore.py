"""Restore a backup: unpack and check it next to the old state, then put it in place in steps that survive a kill."""

import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.files import open_regular, working_folder, written_whole
from deepdx_core.home import Home
from deepdx_core.overrides import locked
from deepdx_core.state import store
from deepdx_core.state.backup import CONTENTS, FORMAT, NAMES_BY_VERSION, ZIP_ERRORS, timestamp
from deepdx_core.state.migrations import VERSION
from deepdx_core.tables.storage import MANIFEST

_CHUNK = 1 << 20
_MAX_BYTES = 16 << 30  # of all files in a backup
_MAX_CONTENTS_BYTES = 64 << 20


class BackupError(DeepDXError):
    """A file is not a backup that can be restored. The message names the file and the reason."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{printable(str(path))}: {reason}")


def restore_backup(home: Home, path: Path) -> Path | None:
    """Replace the state of a home by that of a backup. Return the folder with the old state, None if there was none.

    The state is unpacked, migrated if it is older, and checked before anything is replaced. Models are kept if the
    backup has none, and the configuration if the backup is of version 0. Raises BackupError if the file is not a
    backup, is damaged, or has a state that cannot be used. The caller holds the run lock.
    """
    if home.state.is_symlink():
        raise BackupError(
            path, f"{home.state} is a symbolic link, which a restore does not follow: put the folder itself there"
        )
    home.root.mkdir(parents=True, exist_ok=True)
    with working_folder(home.root) as folder:
        new = Home(folder / "new")
        version = _unpack(path, new.root)
        if version and not new.models.exists() and home.models.is_dir():
            shutil.copytree(home.models, new.models, copy_function=_link)
        try:
            store.open_state(new, warn=lambda message: None)
        except DeepDXError as error:
            raise BackupError(path, f"its state cannot be used: {error}") from error
        replaced = home.backups / f"replaced-{timestamp()}"
        # After a kill between the steps, `store.finish_restore` resumes from this folder.
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
        with locked(home.overrides_lock):
            pending.rename(home.restoring)
            store.finish_restore(home)
    return replaced if replaced.is_dir() else None


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _unpack(path: Path, folder: Path) -> int:
    """Write the files of a backup to a folder. Return the version of its state."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            infos = {info.filename: info for info in archive.infolist()}
            too_large = sum(info.file_size for info in infos.values()) > _MAX_BYTES
            if too_large or infos[CONTENTS].file_size > _MAX_CONTENTS_BYTES:
                raise BackupError(path, "is too large for a backup")
            contents = json.loads(archive.read(CONTENTS))
            version, files = contents["version"], contents["files"]
            if contents["format"] != FORMAT or type(version) is not int or not 0 <= version <= VERSION:
                raise BackupError(path, "has a format that this version of Deep DX cannot read")
            for name, digest in files.items():
                if not NAMES_BY_VERSION[version].fullmatch(name):
                    raise BackupError(path, f"contains {name!r}, which is not part of a backup")
                _unpack_file(archive, infos[name], folder / name, digest)
            if not files or (version and not (Home(folder).state / MANIFEST).is_file()):
                raise BackupError(path, "contains no state")
    except FileNotFoundError as error:
        raise BackupError(path, "no such file") from error
    # A damaged zip file may raise any error of its decoders.
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, *ZIP_ERRORS) as error:
        raise BackupError(path, f"is not a backup, or is damaged ({printable(str(error))})") from error
    return version


def _unpack_file(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, digest: str) -> None:
    sha256, left = hashlib.sha256(), info.file_size
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as source, target.open("wb") as file:
        while chunk := source.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise ValueError(f"{info.filename} is longer than listed")
            sha256.update(chunk)
            file.write(chunk)
    if sha256.hexdigest() != digest:
        raise ValueError(f"{info.filename} does not match its checksum")
