"""`SameOriginMiddleware`: requests that reach the app, and those that pages of other sites might have sent."""

import socket

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from deepdx_pipeline.guard import SameOriginMiddleware, local_hostnames

HERE = "http://localhost:3000"


async def answer(request):
    return PlainTextResponse("answered")


async def chat(websocket):
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


def client(*names):
    app = Starlette(
        routes=[
            Route("/", answer),
            Route("/graphql", answer, methods=["GET", "POST"]),
            WebSocketRoute("/graphql", chat),
        ]
    )
    return TestClient(SameOriginMiddleware(app, names or local_hostnames("127.0.0.1")), base_url=HERE)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:3000", "127.0.0.1:3000", "[::1]:3000"])
def test_hostnames_of_this_machine_are_accepted(host):
    assert client().get("/", headers={"Host": host}).text == "answered"


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "evil.example:3000",
            "localhost.evil.example",
            "localhost.",
            "",
            "192.0.2.1",
            "127.0.0.1.nip.io",
        ),
        *("localhost@evil.example", "evil.example@localhost", "localhost:x", "localhost:99999", "localhost/x", "[::1"),
        *("evil.example#localhost", "localhost?x", "localhost, evil.example", "localhost\\evil.example"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/missing"])
def test_any_other_host_is_refused(host, path):
    answered = client().get(path, headers={"Host": host})
    assert answered.status_code == 403
    assert "Host" in answered.text


def test_two_hosts_are_refused():
    assert client().get("/", headers=[("Host", "localhost"), ("Host", "evil.example")]).status_code == 403


def test_the_receiving_address_and_allowed_hostnames_are_accepted():
    reached = TestClient(SameOriginMiddleware(answer_asgi, ["Music.example"]), base_url="http://192.0.2.7:3000")
    assert reached.get("/").text == "answered"  # the test client gives the host of its URL as the server's address
    assert reached.get("/", headers={"Host": "music.example"}).text == "answered"
    assert reached.get("/", headers={"Host": "192.0.2.8"}).status_code == 403


async def answer_asgi(scope, receive, send):
    await PlainTextResponse("answered")(scope, receive, send)


def test_a_server_on_all_addresses_has_the_hostnames_of_its_machine():
    assert local_hostnames("0.0.0.0") == local_hostnames("::") >= {socket.gethostname(), "localhost"}
    assert "0.0.0.0" not in local_hostnames("0.0.0.0")
    assert local_hostnames("music.example") >= {"music.example", "127.0.0.1"}


FOREIGN = [
    *("http://evil.example", "null", "http://localhost", "http://localhost:3001", "http://127.0.0.1:3000", "file://"),
    *("http://localhost:3000@evil.example", "http://evil.example/localhost:3000", "http://localhost:3000.evil.example"),
    *("localhost:3000", "ftp://localhost:3000", "http://localhost:x", ""),
]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_unsafe_methods_from_another_origin_are_refused(origin, method):
    answered = client().request(method, "/graphql", headers={"Origin": origin}, content="{}")
    assert answered.status_code == 403
    assert "access-control-allow-origin" not in answered.headers


@pytest.mark.parametrize("origin", [HERE, "http://LOCALHOST:3000"])
def test_unsafe_methods_from_its_own_origin_are_accepted(origin):
    assert client().post("/graphql", headers={"Origin": origin}).text == "answered"


def test_an_origin_may_omit_the_default_port_of_its_scheme():
    assert client().post("/graphql", headers={"Host": "localhost", "Origin": "http://localhost"}).text == "answered"
    assert client().post("/graphql", headers={"Host": "localhost:443", "Origin": "https://localhost"}).is_success
    assert client().post("/graphql", headers={"Host": "localhost", "Origin": "http://localhost:443"}).is_client_error


def test_a_client_without_origin_is_accepted():
    assert client().post("/graphql").text == "answered"


@pytest.mark.parametrize("query", ["mutation{x}", "{version}", "", "%6dutation{x}"])
@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/prefix/graphql"])
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_graphql_by_get_is_refused(query, path, accept):
    answered = client().get(f"{path}?operationName=x&query={query}", headers={"Accept": accept})
    assert answered.status_code == 405
    assert answered.headers["Allow"] == "POST"


def test_graphql_by_get_with_an_escaped_parameter_name_is_refused():
    assert client().get("/graphql?%71uery=mutation{x}").status_code == 405
    assert client().head("/graphql?query=mutation{x}").status_code == 405


def test_pages_by_get_are_accepted():
    assert client().get("/graphql").text == "answered"
    assert client().get("/?query=pads").text == "answered"


def test_framing_by_other_sites_is_forbidden():
    assert client().get("/").headers["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("headers", [{}, {"Origin": HERE}])
def test_websockets_from_its_own_origin_are_accepted(headers):
    with client().websocket_connect("/graphql", headers={"Host": "localhost:3000"} | headers) as websocket:
        assert websocket.receive_text() == "hello"


@pytest.mark.parametrize("headers", [*({"Origin": origin} for origin in FOREIGN), {"Host": "evil.example"}])
def test_websockets_from_another_origin_or_to_another_host_are_refused(headers):
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        client().websocket_connect("/graphql", headers={"Host": "localhost:3000"} | headers),
    ):
        pass
    assert refused.value.code == 1008
