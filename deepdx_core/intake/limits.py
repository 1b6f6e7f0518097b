"""Limits on reading files and archives.

Together they keep memory under 1.5 GB for any file of MAX_FILE bytes, and under 1.5 GB plus its own size for any
archive.
"""

from deepdx_core.intake.contents import RefusedError

MAX_FILE = 64 * 2**20
"""Bytes of a file or member: 16,000 banks."""
MAX_ARCHIVE = 2**30
"""Bytes of an archive file, and of all its members unpacked."""
MAX_DEPTH = 3
"""Levels of archives within archives."""
MAX_MEMBERS = 100_000
"""Members of an archive and of all archives in it, including folders and links."""
MAX_ARCHIVE_SEGMENTS = 2**20
"""Segments (see `codec.segments`) of all distinct members of an archive."""
MAX_NAME = 1024
"""Characters of a member's path."""
MAX_METADATA = 2**26
"""Bytes of a zip archive's directory, and of all extended headers of a tar archive."""


class Budget:
    """The remaining limits of an archive, including all archives in it. Once `unpacked` is exceeded, nothing is left.

    unpacked: bytes.
    members: members, including folders, links and refused ones.
    """

    def __init__(self) -> None:
        self.unpacked = MAX_ARCHIVE
        self.members = MAX_MEMBERS

    def charge(self, size: int) -> None:
        """Take unpacked bytes off the budget. Raises RefusedError if it is exceeded."""
        if size > self.unpacked:
            self.unpacked = -1
            raise RefusedError(f"the archive unpacks to more than {MAX_ARCHIVE // 2**20} MiB")
        self.unpacked -= size

    def count_member(self) -> None:
        """Take one member off the budget. Raises RefusedError if none is left."""
        if self.members == 0:
            raise RefusedError(f"more than {MAX_MEMBERS:,} members, the rest is not read")
        self.members -= 1
