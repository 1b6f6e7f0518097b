"""The app: routes, errors and headers of the API, and the files of the page."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.home import Home
from deepdx_core.tables.stamps import release
from deepdx_explorer.files import ENGINE, WEB
from deepdx_explorer.librarian import Librarian, UnknownVoiceError
from deepdx_explorer.routes import browsing, choosing, hearing, keeping, making, mapping, similar

MAX_BODY_BYTES = 16 << 20
"""Size limit of a request: a recording of a minute at 24 bits takes 8 MB."""

_TOO_LONG = f"more than {MAX_BODY_BYTES >> 20} MiB"


# Only files of this app: names and texts from banks cannot load or run anything, even if a page failed to escape them.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_app(home: Home) -> FastAPI:
    """Return the app for a home. Serve it on this machine only, and behind a check of Host and Origin."""
    app = FastAPI(
        title="Deep DX explorer",
        version=release() or "0",
        description="Sounds of a corpus: find, describe, render, generate, rate and collect them.",
        docs_url=None,  # its page would load scripts from the net
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.librarian = Librarian(home)
    for routes in (browsing, choosing, hearing, keeping, making, mapping, similar):
        app.include_router(routes.router, prefix="/api")
    app.add_exception_handler(DeepDXError, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(Exception, _answer_failure)

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(WEB / "index.html")

    app.mount("/engine", StaticFiles(directory=ENGINE))
    app.mount("/web", StaticFiles(directory=WEB))
    app.add_middleware(_Headers)
    app.add_middleware(_BodyLimit)
    return app


def _answer_error(_: Request, error: Exception) -> JSONResponse:
    status = 404 if isinstance(error, UnknownVoiceError) else 409
    return JSONResponse({"error": printable(str(error))}, status)


def _answer_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    return JSONResponse({"error": printable(f"{place}: {first['msg']}" if place else first["msg"])}, 422)


def _answer_http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code)


def _answer_failure(_: Request, error: Exception) -> JSONResponse:
    """Answer a fault of this app; the server logs it."""
    return JSONResponse({"error": f"the explorer failed: {type(error).__name__}; see its log"}, 500)


class _Headers:
    """ASGI middleware that adds the headers above to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
                message["headers"] = [*message["headers"], *own]
                if scope["path"].startswith("/api/"):
                    message["headers"].append((b"cache-control", b"no-store"))
                else:
                    message["headers"].append((b"cache-control", b"no-cache"))
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class _BodyLimit:
    """ASGI middleware that refuses bodies of more than `MAX_BODY_BYTES`, whatever length they claim to have."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        claimed = dict(scope["headers"]).get(b"content-length", b"0")
        if not claimed.isdigit() or int(claimed) > MAX_BODY_BYTES:
            await JSONResponse({"error": _TOO_LONG}, 413)(scope, receive, send)
            return
        read = 0

        async def receive_limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY_BYTES:
                raise HTTPException(413, _TOO_LONG)
            return message

        await self._app(scope, receive_limited, send)
