"""The HTTP API, a module for each kind of resource. Errors are JSON: `{"error": text}`."""

from typing import Annotated

from fastapi import Depends, Request

from deepdx_explorer.librarian import Librarian


def _librarian(request: Request) -> Librarian:
    librarian: Librarian = request.app.state.librarian
    return librarian


TheLibrarian = Annotated[Librarian, Depends(_librarian)]
"""The librarian of the app, as a parameter of a route."""
