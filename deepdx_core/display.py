"""How text from outside (names, paths, messages of servers and libraries) is shown: never raw."""


def printable(text: str) -> str:
    """Text with escapes (`\\x1b`) for what a terminal or a page should not be given, or UTF-8 cannot hold.

    A backslash is escaped too, so that two names never become one.
    """
    return "".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in text)
