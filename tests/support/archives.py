"""Archives made in memory."""

import io
import zipfile


def zipped(*members):
    """A zip archive of (name, data) members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()
