"""The caller of a request: the e-mail address in the identity token that Cloud Run has checked.

Cloud Run verifies a token's signature, audience and time before it passes a request on, and removes
the signature. It looks at ``X-Serverless-Authorization``, and at ``Authorization`` if there is no
such header. So of two headers only one was verified. A request with both is nobody's.

Source: Google's page on service-to-service authentication for Cloud Run.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from werkzeug.exceptions import Forbidden

from shared.domain.deployment.callers import Caller, Callers
from shared.domain.strict_json import parsed

if TYPE_CHECKING:
    from flask import Request
    from werkzeug.datastructures import Headers

HEADERS = ("X-Serverless-Authorization", "Authorization")

PEOPLE = frozenset({Caller.PEOPLE})

_TOKEN = re.compile(r"(?i:bearer) +[\w-]+=*\.([\w-]+)=*\.[\w-]*=*", re.ASCII)
"""A bearer token in the form of a JWT, whose second part holds the claims."""


def email_of(headers: Headers) -> str:
    """The verified e-mail address that the request's token names; empty without one."""
    given = [headers[name] for name in HEADERS if name in headers]
    token = _TOKEN.fullmatch(given[0]) if len(given) == 1 else None
    if token is None:
        return ""
    try:
        claims = parsed(base64.urlsafe_b64decode(token[1] + "=" * (-len(token[1]) % 4)))
    except ValueError:
        return ""
    if not isinstance(claims, dict) or claims.get("email_verified") is not True:
        return ""
    email = claims.get("email")
    return email if isinstance(email, str) else ""


def check_caller(request: Request, callers: Callers, allowed: Collection[Caller]) -> None:
    """Check that the request comes from one of the ``allowed`` kinds of callers.

    Raises:
        Forbidden: It doesn't. The description names the caller, and who may call.
    """
    if not callers.are_checked:
        return
    email = email_of(request.headers)
    if callers.kinds(email).intersection(allowed):
        return
    who = " and ".join(sorted(allowed))
    if not email:
        raise Forbidden(
            f"{request.path} is for {who}, and the request has no single identity token with an "
            "e-mail address. gcloud auth print-identity-token makes one; for a service account "
            "that you impersonate it needs --include-email"
        )
    raise Forbidden(
        f"{request.path} is for {who}, and {email} is none of them. A service account that may do "
        "what people may is named in CALLER_SERVICE_ACCOUNTS, which Terraform sets from operators, "
        "viewers and askers"
    )
