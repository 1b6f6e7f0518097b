"""How things are shown: text from outside (names, paths, messages of servers and libraries) never raw; counts."""

_LONGEST_SHOWN = 60


def printable(text: str) -> str:
    """Text with escapes (`\\x1b`) for what a terminal or a page should not be given, or UTF-8 cannot hold.

    A backslash is escaped too, so that two names never become one.
    """
    return "".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in text)


def legible(text: str) -> str:
    """Text of several lines, parts of which may be `printable` already: line ends and backslashes stay as they are."""
    return "".join(c if c == "\n" or c == "\\" else printable(c) for c in text)


def counted(number: int, thing: str) -> str:
    """A number of things: `1 voice`, `1,024 voices`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def shown(value: object) -> str:
    """Return a value from outside, such as one of a user's file, as a message quotes it: short and printable."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number of over 64 bits"
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
