"""Callbacks by which long work reports its progress and its warnings. The caller decides where they are shown."""

from collections.abc import Callable

Report = Callable[[str, int, int], None]
"""Called as `report(what, done, total)`: the kind of work, and how much of it is done. May be called often."""

Warn = Callable[[str], None]
"""Called with a sentence for the user, such as that the state was migrated."""


def silent(what: str, done: int, total: int) -> None:
    """Ignore the progress: a `Report` that shows nothing."""
