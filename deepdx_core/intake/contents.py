"""Contents of archives and files: bytes, or the reason for refusing them."""

from dataclasses import dataclass

from deepdx_core.errors import DeepDXError


class RefusedError(DeepDXError):
    """A file or a member of an archive is refused. The message is the reason."""


@dataclass(frozen=True)
class Content:
    """A member of an archive: its path, and its bytes or the reason for refusing them."""

    member: str
    data: bytes = b""
    refused: str = ""
