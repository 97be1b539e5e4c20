"""Pages of other sites that may use the API."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from teachtext.errors import InputError
from teachtext.service.cors import check_origins
from teachtext.service.rates import Rate

Serve = Callable[..., TestClient]
SITE = "https://app.example"
pytestmark = pytest.mark.server


def preflight(client: TestClient, address: str, method: str, origin: str = SITE) -> tuple[int, dict[str, str]]:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    headers["Access-Control-Request-Headers"] = "authorization,content-type"
    answer = client.options(address, headers=headers)
    return answer.status_code, dict(answer.headers)


def test_without_an_origin_there_is_none(serve: Serve):
    client = serve()
    answer = client.get("/api/tags", headers={"Origin": SITE})
    assert answer.status_code == 200 and not [name for name in answer.headers if name.startswith("access-control")]
    assert preflight(client, "/api/tags", "GET")[0] == 405


def test_a_page_of_a_named_origin_reads_and_changes_with_the_token(serve: Serve):
    client = serve(origins=[SITE], token="secret")
    status, headers = preflight(client, "/api/v1/tags/videos/v1.mp4", "PATCH")
    assert status == 200 and headers["access-control-allow-origin"] == SITE
    assert "PATCH" in headers["access-control-allow-methods"]
    assert "authorization" in headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in headers
    page = {"Origin": SITE, "Sec-Fetch-Site": "cross-site"}
    refused = client.get("/api/tags", headers=page)
    assert refused.status_code == 401 and refused.headers["access-control-allow-origin"] == SITE
    page["Authorization"] = "Bearer secret"
    changed = client.patch("/api/v1/tags/videos/v1.mp4", json={"add": ["new"]}, headers=page)
    assert changed.status_code == 200 and changed.headers["access-control-allow-origin"] == SITE


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://app.example", f"{SITE}:444", f"{SITE}.evil", "null"]
)
def test_other_origins_are_not_let_in(serve: Serve, origin: str):
    client = serve(origins=[SITE])
    assert preflight(client, "/api/tags", "GET", origin)[0] == 400
    page = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    assert "access-control-allow-origin" not in client.get("/api/tags", headers=page).headers
    assert client.patch("/api/v1/tags/videos/v1.mp4", json={"add": ["x"]}, headers=page).status_code == 403


@pytest.mark.parametrize("address", ["/", "/login", "/static/page.js", "/metrics"])
def test_only_the_api_is_shared(serve: Serve, address: str):
    client = serve(origins=[SITE])
    assert "access-control-allow-origin" not in client.get(address, headers={"Origin": SITE}).headers
    page = {"Origin": SITE, "Sec-Fetch-Site": "cross-site"}
    assert client.post("/remove", data={"id": "videos/v1.mp4"}, headers=page).status_code == 403


def test_with_every_origin_pages_read_and_change_nothing(serve: Serve):
    client = serve(origins=["*"])
    page = {"Origin": SITE, "Sec-Fetch-Site": "cross-site"}
    assert client.get("/api/tags", headers=page).headers["access-control-allow-origin"] == "*"
    assert preflight(client, "/api/tags", "DELETE")[0] == 400
    assert client.delete("/api/videos/videos/v1.mp4", headers=page).status_code == 403


def test_a_page_learns_how_long_to_wait(serve: Serve):
    client = serve(origins=[SITE], rate=Rate(1, 60.0))
    client.get("/api/tags")
    answer = client.get("/api/tags", headers={"Origin": SITE})
    assert answer.status_code == 429 and "Retry-After" in answer.headers["access-control-expose-headers"]
    assert answer.headers["access-control-allow-origin"] == SITE


@pytest.mark.parametrize("origin", ["app.example", f"{SITE}/", f"{SITE}/page", "null", "https://a b", "ftp://a", ""])
def test_what_is_no_origin_is_refused(origin: str):
    with pytest.raises(InputError, match="is not an origin"):
        check_origins([origin], has_token=False)


def test_every_origin_and_a_token_are_refused():
    assert check_origins(["*"], has_token=False) == ["*"]
    with pytest.raises(InputError, match="lets every site use the token"):
        check_origins([SITE, "*"], has_token=True)
