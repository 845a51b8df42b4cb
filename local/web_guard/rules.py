"""Which requests to a server on this machine are refused, because a web page may have sent them.

Programs send no ``Origin``; a browser adds one to whatever a page sends that could change or read
something, and a page can't alter it. ``Sec-Fetch-Site`` also covers images, frames and links. With
DNS rebinding a page's own host name leads to 127.0.0.1, so that its requests are of the same
origin; the name is then in ``Host``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus

REFUSED = HTTPStatus.FORBIDDEN

ADMIN_HEADER = "X-Local-Admin"
"""What changes something on an admin path must have this header, with any value. A page can send no
header of its own to another origin without asking first (a CORS preflight), which is refused."""

_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_OWN_SITE = ("same-origin", "none")
"""``none``: a person typed the address or opened a bookmark."""
_READING = ("GET", "HEAD")


def refusal(
    method: str, values_of: Callable[[str], Sequence[str]], *, is_admin: bool = False
) -> str | None:
    """Return why a request is refused, or None if it may pass.

    Args:
        method: The request's method.
        values_of: Returns all values of a header.
        is_admin: Whether the path is one of those that change the server itself.
    """
    hosts = values_of("Host")
    if len(hosts) != 1 or not _LOOPBACK.fullmatch(hosts[0]):
        return "the Host header must name this machine, such as 127.0.0.1 or localhost"
    own = f"http://{hosts[0].lower()}"
    if any(origin != own for origin in values_of("Origin")):
        return "web pages of another origin may not use this server"
    if any(site not in _OWN_SITE for site in values_of("Sec-Fetch-Site")):
        return "web pages of another site may not use this server"
    if is_admin and method not in _READING and not values_of(ADMIN_HEADER):
        return f"changes need the header {ADMIN_HEADER}"
    return None
