"""Real dumps of the other Yamahas."""

import zipfile
from collections.abc import Iterator

from tests.support.paths import CORPUS

FOLDER = CORPUS / "other-synths"
SY77 = FOLDER / "sy77" / "sy77-voices.zip"
FOLDERS = ("4op", "dx7ii", "fb01", "reface", "sy99", "tx7_dx5", "tx802")


def real_files() -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of all dumps."""
    with zipfile.ZipFile(SY77) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)
    for folder in FOLDERS:
        for path in sorted((FOLDER / folder).iterdir()):
            yield f"{folder}/{path.name}", path.read_bytes()
