"""The page's front answers the person who has the printed address, and nobody else."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode, urlsplit

import pytest

from local.front.ask_box import NotAnswered, with_box
from local.front.page_front import Answer, PageFront, Unreachable
from local.processes.ports import free_ports
from shared.domain.ask.metadata_filter import MAX_LENGTH
from shared.domain.ask.request import MAX_QUESTION
from shared.http.pages import Pages
from tests.world import World


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


# --- the box that asks the store ---------------------------------------------------------------

PAGE = b'<html><body><main id="main"><h1>Page</h1><div id="ask"></div></main></body></html>'
EVIL = '<img src=x onerror=alert(1)> "quoted"'
TOLD = {
    "answer": f"Wax it. [1]\n{EVIL}", "stopped": "", "store_as_of": None, "cost": 0.0005,
    "currency": "USD", "model": "m",
    "sources": [
        {"number": 1, "path": EVIL, "page": 3, "uri": "gs://b/a", "generation": "7",
         "passage": EVIL, "picture": None,
         "metadata": {EVIL: EVIL}},
    ],
}  # fmt: skip


class Asked:
    def __init__(self, problem: str = "") -> None:
        self.questions: list[dict[str, str]] = []
        self._problem = problem

    def __call__(self, request: Mapping[str, str]) -> Mapping[str, object]:
        self.questions.append(dict(request))
        if self._problem:
            raise NotAnswered(self._problem)
        return TOLD


def page(path: str, _: Mapping[str, str]) -> Answer:
    kind = "application/json" if path == "/data" else "text/html; charset=utf-8"
    return Answer(
        200, PAGE, {"Content-Type": kind, "Content-Security-Policy": "form-action 'self'"}
    )


def posted(
    front: PageFront, form: str, path: str = "/ask", **headers: str
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(front.address).port, timeout=30)
    connection.request("POST", path, body=form, headers=headers)
    answer = connection.getresponse()
    found = answer.status, dict(answer.headers), answer.read().decode()
    connection.close()
    return found


def test_the_overview_has_a_box_where_questions_are_answered() -> None:
    with PageFront(page, of="x", ask=Asked()) as front:
        cookie = cookie_of(front)
        form = b'<form method="post" action="/ask#answer" class="find">'
        assert form in ask(front, "/", Cookie=cookie)[2]
        assert b"<form" not in ask(front, "/data", Cookie=cookie)[2]
        assert b"<form" not in ask(front, "/failed", Cookie=cookie)[2]
    with PageFront(page, of="x") as front:
        cookie = cookie_of(front)
        assert b"<form" not in ask(front, "/", Cookie=cookie)[2]
        assert posted(front, "question=Why", Cookie=cookie)[0] == 501


def test_a_question_is_answered_in_the_page_and_all_of_it_is_text() -> None:
    asked = Asked()
    with PageFront(page, of="x", ask=asked) as front:
        cookie = cookie_of(front)
        form = "question=Why%3F&filter=year%3D2025"
        status, headers, text = posted(front, form, Cookie=cookie)
    assert asked.questions == [{"question": "Why?", "filter": "year=2025"}]
    assert (status, headers["Content-Security-Policy"]) == (200, "form-action 'self'")
    assert "Wax it. [1]" in text
    assert "<img" not in text
    assert text.count("&lt;img") == 5
    assert 'value="Why?"' in text
    assert text.index("<h1>") < text.index("<form") < text.index("</main>")


def test_the_longest_question_and_filter_fit_in_any_script() -> None:
    asked = Asked()
    given = {"question": "\U0001f40b" * MAX_QUESTION, "filter": "\U0001f40b" * MAX_LENGTH}
    with PageFront(page, of="x", ask=asked) as front:
        assert posted(front, urlencode(given), Cookie=cookie_of(front))[0] == 200
    assert asked.questions == [given]


def test_the_page_has_a_place_for_the_box() -> None:
    shown = Pages(World().report, 1.0).overview().get_data()
    assert b"Ask the store" not in shown
    assert b"Ask the store" in with_box(shown)


def test_a_question_that_is_not_answered_says_why() -> None:
    with PageFront(page, of="x", ask=Asked("at character 10: <b> is no filter")) as front:
        text = posted(front, "question=Why", Cookie=cookie_of(front))[2]
    assert "at character 10: &lt;b&gt; is no filter" in text


def test_nobody_asks_without_the_pages_key_or_from_another_page() -> None:
    asked = Asked()
    with PageFront(page, of="x", ask=asked) as front:
        cookie = cookie_of(front)
        assert posted(front, "question=Why")[0] == 403
        assert posted(front, "question=Why", path=f"/ask?{urlsplit(front.address).query}")[0] == 501
        assert posted(front, "question=Why", Cookie=cookie, Origin="http://evil.example")[0] == 403
        assert posted(front, "question=Why", Cookie=cookie, path="/other")[0] == 501
        assert posted(front, "q" * 70_000, Cookie=cookie)[0] == 400
    assert asked.questions == []
