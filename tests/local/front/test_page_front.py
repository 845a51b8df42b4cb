"""The page's front answers the person who has the printed address, and nobody else."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import pytest

from local.front.page_front import Answer, PageFront, Unreachable
from local.processes.ports import free_ports


class Site:
    """A deployment that tells what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []

    def __call__(self, path: str, headers: Mapping[str, str]) -> Answer:
        self.asked.append((path, dict(headers)))
        if path == "/away":
            raise Unreachable("no answer from https://status.example: it needs a token")
        return Answer(200, b"<p>page", {"Content-Type": "text/html"})


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def front(site: Site) -> Iterator[PageFront]:
    with PageFront(site, of="https://status.example") as served:
        yield served


def ask(
    front: PageFront, path: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(front.address).port, timeout=30)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=named)
    answer = connection.getresponse()
    found = answer.status, dict(answer.headers), answer.read()
    connection.close()
    return found


def cookie_of(front: PageFront) -> str:
    url = urlsplit(front.address)
    status, headers, _ = ask(front, f"{url.path}?{url.query}")
    assert (status, headers["Location"]) == (303, "/")
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    return cookie.partition(";")[0]


def test_the_printed_address_leads_to_the_page(front: PageFront, site: Site) -> None:
    cookie = cookie_of(front)
    status, headers, body = ask(
        front, "/lists/failed?prefix=a%2Fb", Cookie=cookie, Accept="text/html", X_Other="1"
    )
    assert (status, body) == (200, b"<p>page")
    assert headers["Content-Type"] == "text/html"
    assert site.asked == [("/lists/failed?prefix=a%2Fb", {"Accept": "text/html"})]


@pytest.mark.parametrize("cookie", ["", "fss-page-1=x", "x", "=;=;\x01", "fss-page="])
def test_without_the_key_nothing_is_asked_for(front: PageFront, site: Site, cookie: str) -> None:
    for path in ("/", "/?key=guess", "/?key=", "/batches"):
        status, _, body = ask(front, path, Cookie=cookie)
        assert status == 403
        assert b"fss printed" in body
    assert site.asked == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Host": "rebound.test"},
    ],
)
def test_another_sites_page_gets_nothing_even_with_the_cookie(
    front: PageFront, site: Site, headers: dict[str, str]
) -> None:
    assert ask(front, "/", Cookie=cookie_of(front), **headers)[0] == 403
    assert ask(front, "/?" + urlsplit(front.address).query, **headers)[0] == 403
    assert site.asked == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_only_reads(front: PageFront, site: Site, method: str) -> None:
    assert ask(front, "/", method, Cookie=cookie_of(front))[0] == 501
    assert site.asked == []


def test_a_deployment_that_does_not_answer_is_told_in_a_line(front: PageFront) -> None:
    status, headers, body = ask(front, "/away", Cookie=cookie_of(front))
    assert (status, headers["Content-Type"]) == (502, "text/plain; charset=utf-8")
    assert body == b"no answer from https://status.example: it needs a token\n"


def test_the_same_deployment_has_the_same_port_and_each_run_its_own_key(site: Site) -> None:
    addresses = []
    for _ in range(2):
        with PageFront(site, of="https://prod.example") as front:
            addresses.append(urlsplit(front.address))
    assert addresses[0].port == addresses[1].port
    assert addresses[0].query != addresses[1].query


def test_a_port_that_is_taken_is_an_error_only_if_it_was_asked_for(site: Site) -> None:
    (port,) = free_ports(1)
    with PageFront(site, of="a", port=port), pytest.raises(OSError, match="in use"):
        PageFront(site, of="a", port=port)
    with PageFront(site, of="b") as first, PageFront(site, of="b") as second:
        assert first.address != second.address
