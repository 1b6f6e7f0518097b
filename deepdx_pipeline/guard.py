"""ASGI middleware that protects a local web app from the pages of other sites.

Browsers let any page send requests to `http://localhost`. A page whose host name is made to resolve to this machine
(DNS rebinding) can also read the responses. An app without accounts has to refuse such requests.
"""

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import SplitResult, parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_SAFE = frozenset({"GET", "HEAD"})
_PORTS = {"http": 80, "https": 443}
_FORBIDDEN, _METHOD_NOT_ALLOWED, _POLICY_VIOLATION = 403, 405, 1008


def local_hostnames(host: str) -> frozenset[str]:
    """Return the host names of a server that listens on `host`, including the machine's own for a wildcard address."""
    if not _is_wildcard(host):
        return LOOPBACK | {host}
    name = socket.gethostname()
    short = name.partition(".")[0]
    return LOOPBACK | {name, short, f"{short}.local"}


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return not host


class SameOriginMiddleware:
    """ASGI middleware that refuses requests that a page of another site may have sent.

    - `Host` must be one of `hostnames`, or the address that received the request. A page with its own host name, as
      in DNS rebinding, cannot send either.
    - Requests that can change something (any method but GET and HEAD, and WebSockets) must have the `Origin` of the
      app. Clients other than browsers send no `Origin` and are accepted.
    - GraphQL by GET is refused: it may carry a mutation, and any page can send it as the address of an image.
    - No page of another site may show the app in a frame, where it could be clicked unknowingly.
    """

    def __init__(self, app: ASGIApp, hostnames: Iterable[str]) -> None:
        self._app = app
        self._hostnames = frozenset(name.lower() for name in hostnames)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse an ASGI connection, or pass it to the app."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def send_unframed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Frame-Options"] = "SAMEORIGIN"
            await send(message)

        headers = Headers(scope=scope)
        host = _authority(headers.getlist("host"))
        if host is None or not self._is_own(host.hostname or "", scope):
            await _refuse(scope, receive, send, _FORBIDDEN, "the Host header does not name this machine")
        elif not _is_safe(scope) and not _same_origin(headers.getlist("origin"), host):
            await _refuse(scope, receive, send, _FORBIDDEN, "the Origin header names another site")
        elif _is_graphql_by_get(scope):
            await _refuse(scope, receive, send, _METHOD_NOT_ALLOWED, "GraphQL requires POST")
        else:
            await self._app(scope, receive, send_unframed)

    def _is_own(self, name: str, scope: Scope) -> bool:
        return name in self._hostnames or (bool(scope.get("server")) and _same_address(name, scope["server"][0]))


def _same_address(name: str, address: str) -> bool:
    try:
        one, other = ipaddress.ip_address(name), ipaddress.ip_address(address)
    except ValueError:
        return False
    return one == (getattr(other, "ipv4_mapped", None) or other)


def _authority(values: list[str]) -> SplitResult | None:
    """Return the only value of a Host header, split, or None unless it is a host with an optional port."""
    if len(values) != 1:
        return None
    return _split(f"//{values[0]}", values[0])


def _split(url: str, authority: str) -> SplitResult | None:
    try:
        split = urlsplit(url)
        valid = split.netloc == authority and "@" not in authority and split.hostname and (split.port or True)
    except ValueError:
        return None
    return split if valid else None


def _same_origin(values: list[str], host: SplitResult) -> bool:
    if not values:
        return True
    scheme, _, authority = values[0].partition("://")
    origin = _split(values[0], authority)
    if len(values) > 1 or origin is None or scheme not in _PORTS:
        return False
    default = _PORTS[scheme]
    return (origin.hostname, origin.port or default) == (host.hostname, host.port or default)


def _is_safe(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] in _SAFE


def _is_graphql_by_get(scope: Scope) -> bool:
    return (
        _is_safe(scope)
        and scope["path"].rstrip("/").endswith("/graphql")
        and "query" in parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    )


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, reason: str) -> None:
    if scope["type"] == "websocket":
        await WebSocketClose(_POLICY_VIOLATION, reason)(scope, receive, send)
    else:
        allowed = {"Allow": "POST"} if status == _METHOD_NOT_ALLOWED else None
        await PlainTextResponse(f"Refused: {reason}.\n", status, allowed)(scope, receive, send)
