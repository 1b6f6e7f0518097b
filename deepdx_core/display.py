"""How things are shown: text from outside (names, paths, messages of servers and libraries) never raw; counts."""


def printable(text: str) -> str:
    """Text with escapes (`\\x1b`) for what a terminal or a page should not be given, or UTF-8 cannot hold.

    A backslash is escaped too, so that two names never become one.
    """
    return "".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in text)


def printable_lines(text: str) -> str:
    """Text of several lines, parts of which may be `printable` already: line ends and backslashes stay as they are."""
    return "".join(c if c == "\n" or c == "\\" else printable(c) for c in text)


def counted(number: int, thing: str) -> str:
    """A number of things: `1 voice`, `1,024 voices`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
