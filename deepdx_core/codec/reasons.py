"""Reasons why a file holds no voices."""

from deepdx_core.codec.file_types import identify_file, identify_unread_archive, is_text, is_voice_table
from deepdx_core.codec.recognizers.spoiled_dumps import SPOILED
from deepdx_core.codec.segments import Kind, Segment, list_contents
from deepdx_core.codec.splitting import UNREAD
from deepdx_core.display import counted


def explain_missing_voices(data: bytes, segments: tuple[Segment, ...]) -> str:
    """Return the most specific reason why `data`, split into `segments`, holds no voices."""
    if not data:
        return "empty file"
    if segments[-1].what == UNREAD:
        return f"{segments[-1].note}, the rest is not read; no DX7 voices before it"
    if spoiled := next((segment.note for segment in segments if segment.what == SPOILED), ""):
        return spoiled
    if is_voice_table(data):
        return "table of voices: `deepdx convert` makes banks of it"
    if archive := identify_unread_archive(data):
        return f"{archive}: not unpacked, no program for its kind is part of Deep DX"
    if file_type := identify_file(data):
        return f"{file_type} without DX7 voices"
    if messages := [segment.what for segment in segments if segment.kind is Kind.MESSAGE]:
        return f"system exclusive without DX7 voices: {list_contents(messages)}"
    if data.lstrip()[:1] == b"<":
        return "web page or XML, not a dump"
    if is_text(data):
        return "text, not a dump"
    return f"{counted(len(data), 'byte')} without system exclusive or DX7 voices"
