from __future__ import annotations

from typing import Any

import jwt
import pytest

from local.cloud_tasks.delivery.identity import GOOGLE_ISSUER, LIFETIME, Identity
from tests.local.cloud_tasks.harness import now

EMAIL = "invoker@demo.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity()


def verified(identity: Identity, token: str, audience: str) -> dict[str, Any]:
    key = jwt.PyJWKSet.from_dict(identity.jwks)[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=GOOGLE_ISSUER)


def test_a_token_is_verified_by_the_published_key(identity: Identity) -> None:
    start = now()
    claims = verified(identity, identity.token(EMAIL, "aud", start), "aud")
    assert claims["email"] == EMAIL
    assert claims["email_verified"] is True
    assert claims["exp"] == int(start + LIFETIME)


def test_another_servers_token_is_not(identity: Identity) -> None:
    other = Identity()
    token = other.token(EMAIL, "aud", now())
    with pytest.raises(KeyError):
        verified(identity, token, "aud")


def test_a_token_is_used_again_while_it_is_young_and_for_its_audience_only(
    identity: Identity,
) -> None:
    start = now()
    token = identity.token(EMAIL, "again", start)
    assert identity.token(EMAIL, "again", start + LIFETIME / 2 - 1) == token
    assert identity.token(EMAIL, "again", start + LIFETIME / 2 + 1) != token
    assert identity.token(EMAIL, "other", start) != token
    assert identity.token(f"x{EMAIL}", "again", start) != token
