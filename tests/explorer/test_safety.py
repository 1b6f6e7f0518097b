"""Requests of other sites, long requests, and what the page may load."""

import pytest
from fastapi.testclient import TestClient

from deepdx_explorer.app import MAX_BODY_BYTES, create_app
from deepdx_pipeline.guard import LOOPBACK, SameOriginMiddleware


@pytest.fixture
def guarded(own):
    """A client of the app as the command serves it."""
    return TestClient(SameOriginMiddleware(create_app(own), LOOPBACK), base_url="http://localhost:3300")


def test_only_this_machine_by_its_name_is_served(guarded):
    assert guarded.get("/api/status").status_code == 200
    assert guarded.get("/api/status", headers={"Host": "attacker.example"}).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"), [("put", "collections/x"), ("post", "banks"), ("post", "files"), ("delete", "collections/x")]
)
def test_pages_of_other_sites_cannot_write(guarded, own, method, path):
    response = guarded.request(method, f"/api/{path}", headers={"Origin": "http://attacker.example"})
    assert response.status_code == 403
    assert not own.collections.exists()


def test_long_bodies_are_refused_whatever_length_they_claim(guarded):
    size = MAX_BODY_BYTES + 1
    assert guarded.post("/api/files", content=bytes(size)).status_code == 413

    def chunks():
        for _ in range(size // 2**20 + 1):
            yield bytes(2**20)

    refused = guarded.post("/api/files", content=chunks())
    assert (refused.status_code, list(refused.json())) == (413, ["error"])


@pytest.mark.parametrize(
    "path",
    [
        "/web/../app.py",
        "/web/%2e%2e/app.py",
        "/engine/../tables.py",
        "/web/..%2f..%2fpyproject.toml",
        "/web//etc/passwd",
    ],
)
def test_nothing_outside_of_the_page_is_served(client, path):
    assert client.get(path).status_code == 404


def test_the_page_loads_only_its_own_files(client):
    response = client.get("/")
    policy = response.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in response.text.replace("http-equiv", "")
    assert response.headers["x-content-type-options"] == "nosniff"


def test_the_api_describes_itself(client):
    schema = client.get("/api/openapi.json").json()
    assert schema["openapi"].startswith("3.")
    assert {"/api/sounds", "/api/sounds/{sound_id}", "/api/banks"} <= schema["paths"].keys()
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    assert all(operation.get("description") for operation in operations)
