"""Callbacks for the progress and the warnings of long work. The caller decides where they are shown."""

from collections.abc import Callable

Report = Callable[[str, int, int], None]
"""Called as `report(what, done, total)`: a description of the work, the units done, and all units.

`total` is 0 if unknown. May be called often.
"""

Warn = Callable[[str], None]
"""Called with a sentence for the user, such as that the state was migrated."""


def silent(what: str, done: int, total: int) -> None:
    """Show nothing: the `Report` for callers without interest in progress."""
