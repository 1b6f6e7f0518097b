"""Mails with parts in base64 or quoted-printable, by `email`. Dumps in the plain text of a mail need no unpacking."""

import email
import re
from collections.abc import Iterator
from functools import partial

from deepdx_core.intake import limits
from deepdx_core.intake.archives.checks import contents_of, size_error
from deepdx_core.intake.contents import Content, RefusedError
from deepdx_core.intake.limits import Budget

_HEADER = re.compile(rb"(?:From [^\r\n]{1,200}\r?\n)?[A-Za-z][A-Za-z0-9-]{1,40}: ?[^\r\n]{0,998}\r?\n[A-Za-z \t]")
_CODED = re.compile(
    rb"^Content-(?:Disposition: *attachment|Type: *multipart/|Transfer-Encoding: *(?:base64|quoted-printable))",
    re.MULTILINE | re.IGNORECASE,
)
_HEAD = 2**16  # bytes that hold the headers of the mail itself
_MAX_BOUNDARIES = 100
"""Boundaries of parts. Each line of a mail is compared with those of all parts around it."""


def is_mail(data: bytes) -> bool:
    """Return True for a mail with attachments or a coded text, by its headers."""
    return bool(_HEADER.match(data) and _CODED.search(data, 0, _HEAD))


def read_mail(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the parts of a mail: its texts, and its attachments under their names."""
    if len(data) > limits.MAX_FILE:
        raise size_error()
    if data.lower().count(b"boundary") > _MAX_BOUNDARIES:
        raise RefusedError(f"a mail with more than {_MAX_BOUNDARIES} boundaries, not read")
    for number, part in enumerate(email.message_from_bytes(data).walk(), 1):
        if part.is_multipart():
            continue
        budget.count_member()
        yield from contents_of(str(part.get_filename() or f"part {number}"), partial(_read_part, part, budget))


def _read_part(part: "email.message.Message[str, str]", budget: Budget) -> bytes:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        raise RefusedError("damaged in the archive: no content")
    budget.charge(len(content))
    return content
