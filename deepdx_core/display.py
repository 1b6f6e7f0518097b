"""Text for people: counts, and untrusted text (names, paths, foreign messages) without control characters."""

_LONGEST_SHOWN = 60


def printable(text: str) -> str:
    """Return text with escapes (`\\x1b`) for characters that are unsafe in a terminal or page, or not valid in UTF-8.

    Backslashes are escaped too, so that two different names never look the same.
    """
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in text)


def printable_lines(text: str) -> str:
    """Return text of several lines, escaped like `printable` except for line ends and backslashes.

    Backslashes are kept because parts of the text may be `printable` already.
    """
    return "".join(c if c == "\n" or c == "\\" else printable(c) for c in text)


def counted(number: int, thing: str) -> str:
    """Return a count with its noun: `1 voice`, `1,024 voices`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def shown(value: object) -> str:
    """Return an untrusted value, such as one from a user's file, as short printable text for a message."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number of over 64 bits"
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
