"""Signs OIDC tokens like those of Cloud Tasks, with a key made by this process."""

from __future__ import annotations

from hashlib import sha256

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

LIFETIME = 3600.0
"""Seconds that a token is valid; the same as for Google's identity tokens."""

GOOGLE_ISSUER = "https://accounts.google.com"


class Identity:
    """Signs tokens for any service account, without checking that it exists.

    Args:
        issuer: The `iss` claim.
    """

    def __init__(self, issuer: str = GOOGLE_ISSUER) -> None:
        self._issuer = issuer
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self._key_id = sha256(str(self._public["n"]).encode()).hexdigest()[:40]
        self._tokens: dict[tuple[str, str], tuple[float, str]] = {}

    @property
    def jwks(self) -> dict[str, object]:
        """The public key as a JSON Web Key Set (RFC 7517)."""
        return {"keys": [{**self._public, "kid": self._key_id, "use": "sig", "alg": "RS256"}]}

    def token(self, email: str, audience: str, now: float) -> str:
        """Return an RS256 JWT; each token is reused for the first half of its lifetime."""
        issued, token = self._tokens.get((email, audience), (0.0, ""))
        if 0 <= now - issued < LIFETIME / 2:
            return token
        subject = str(int.from_bytes(sha256(email.encode()).digest()[:8]))
        claims = {
            "aud": audience,
            "azp": subject,
            "email": email,
            "email_verified": True,
            "exp": int(now + LIFETIME),
            "iat": int(now),
            "iss": self._issuer,
            "sub": subject,
        }
        token = jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._key_id})
        self._forget_expired(now)
        self._tokens[email, audience] = (now, token)
        return token

    def _forget_expired(self, now: float) -> None:
        self._tokens = {
            subject: (issued, token)
            for subject, (issued, token) in self._tokens.items()
            if now - issued < LIFETIME
        }
