from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from local.web_guard.rules import ADMIN_HEADER, refusal

HOST = "127.0.0.1:20123"


def with_headers(*headers: tuple[str, str]) -> Callable[[str], Sequence[str]]:
    return lambda name: [value for given, value in headers if given.lower() == name.lower()]


@pytest.mark.parametrize("host", [HOST, "127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:8080"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_program_on_this_machine_may_pass(host: str, method: str) -> None:
    assert refusal(method, with_headers(("Host", host))) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:20123", "127.0.0.1.evil.example:20123", "127.0.0.2:20123",
        "localhost.evil.example", "evil.localhost:20123", "127.0.0.1:20123@evil.example",
        "evil.example/127.0.0.1", "0.0.0.0:20123", "localhost.", "", " 127.0.0.1",
        "127.0.0.1:20123\n", "2130706433", "127.1:20123", "127.0.0.1:", "127.0.0.1:\u0661",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_host_name_is_refused_even_of_the_same_origin(host: str, method: str) -> None:
    headers = with_headers(("Host", host), ("Origin", f"http://{host}"))
    assert "Host" in str(refusal(method, headers))
    assert "Host" in str(refusal(method, with_headers(("Host", host))))


def test_no_host_and_two_hosts_are_refused() -> None:
    assert refusal("GET", with_headers())
    assert refusal("GET", with_headers(("Host", HOST), ("Host", "evil.example")))
    assert refusal("GET", with_headers(("Host", HOST), ("Host", HOST)))


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example", "null", "", "http://127.0.0.1:20124", "http://127.0.0.1",
        "https://127.0.0.1:20123", "http://localhost:20123", "http://127.0.0.1:20123/",
        "http://127.0.0.1:20123 http://evil.example", "http://127.0.0.1:20123.evil.example",
        "chrome-extension://abc", "file://",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PATCH"])
def test_another_origin_is_refused(origin: str, method: str) -> None:
    headers = with_headers(("Host", HOST), ("Origin", origin), (ADMIN_HEADER, "1"))
    assert "origin" in str(refusal(method, headers))


def test_the_servers_own_page_may_pass() -> None:
    own = (("Host", HOST), ("Origin", f"http://{HOST}"), ("Sec-Fetch-Site", "same-origin"))
    assert refusal("POST", with_headers(*own)) is None
    assert refusal("GET", with_headers(("Host", HOST), ("Sec-Fetch-Site", "none"))) is None
    assert refusal("GET", with_headers(*own, ("Origin", "http://evil.example")))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "Same-Origin"])
def test_an_image_or_frame_of_another_site_is_refused(site: str) -> None:
    assert "site" in str(refusal("GET", with_headers(("Host", HOST), ("Sec-Fetch-Site", site))))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "post"])
def test_a_change_on_an_admin_path_needs_the_header(method: str) -> None:
    plain = with_headers(("Host", HOST), ("Content-Type", "text/plain"))
    assert ADMIN_HEADER in str(refusal(method, plain, is_admin=True))
    assert refusal(method, plain) is None
    asked = with_headers(("Host", HOST), (ADMIN_HEADER, "1"))
    assert refusal(method, asked, is_admin=True) is None
    assert refusal("GET", plain, is_admin=True) is None
