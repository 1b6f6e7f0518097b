"""How long work tells how far it is, without knowing who listens."""

from collections.abc import Callable

Report = Callable[[str, int, int], None]
"""Called as `report(what, done, total)`: what is being done, and how much of it is done. May be called often."""


def silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


Tell = Callable[[str], None]
"""Called with a sentence for the user, such as that a migration was made."""
