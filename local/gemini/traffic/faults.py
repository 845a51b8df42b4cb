"""Injected faults: rules that say which calls fail, how, and how often."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from local.gemini.wire.messages import JsonObject
from local.gemini.wire.routes import IMPORT_ROUTES, LIST_ROUTES, UPLOAD_ROUTES, Route


class FaultKind(StrEnum):
    """The kinds of faults."""

    # Answers of 429, for each kind of quota.
    RATE_LIMITED = "rate_limited"
    DAY_SPENT = "day_spent"
    STORAGE_FULL = "storage_full"
    TOO_MANY_IMPORTS = "too_many_imports"
    CREDITS_DEPLETED = "credits_depleted"
    SPENDING_CAP = "spending_cap"
    # Other error answers: 400, 401, 403, 409, 500 and 503.
    INVALID_ARGUMENT = "invalid_argument"
    UNAUTHENTICATED = "unauthenticated"
    PERMISSION_DENIED = "permission_denied"
    ALREADY_EXISTS = "already_exists"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    # The call takes effect, but its reply is lost, late or wrong.
    REPLY_LOST = "reply_lost"
    STATUS_HEADER_MISSING = "status_header_missing"
    HTML_BODY = "html_body"
    EMPTY_PAGE = "empty_page"
    SLOW_REPLY = "slow_reply"
    # The connection is reset while the request is being sent; nothing takes effect.
    CONNECTION_RESET = "connection_reset"
    # The call succeeds, but what it started fails later.
    FILE_FAILED = "file_failed"
    OPERATION_HUNG = "operation_hung"
    OPERATION_FAILED = "operation_failed"
    DOCUMENT_STUCK = "document_stuck"
    DOCUMENT_FAILED = "document_failed"
    DOCUMENT_RECOVERS = "document_recovers"


# The routes on which a kind can happen, if not on all.
_ROUTES = {
    FaultKind.STATUS_HEADER_MISSING: UPLOAD_ROUTES,
    FaultKind.EMPTY_PAGE: LIST_ROUTES,
    FaultKind.FILE_FAILED: frozenset({Route.FILES_UPLOAD_FINALIZE}),
    FaultKind.OPERATION_HUNG: IMPORT_ROUTES,
    FaultKind.OPERATION_FAILED: IMPORT_ROUTES,
    FaultKind.DOCUMENT_STUCK: IMPORT_ROUTES,
    FaultKind.DOCUMENT_FAILED: IMPORT_ROUTES,
    FaultKind.DOCUMENT_RECOVERS: IMPORT_ROUTES,
}


@dataclass(frozen=True, slots=True)
class FaultRule:
    """A rule for a fault. Durations are in seconds of the real service, divided by the time scale.

    Attributes:
        kind: The kind of fault.
        route: A pattern of route names (`*` and `?`).
        resource: A pattern of names of the file, document, operation or store that a call concerns.
        times: How many times the rule fires; None for no limit.
        rate: The fraction of matching calls on which it fires, chosen with the seed.
        skip: How many matching calls are let through first.
        delay_s: The delay of a slow reply, in the hint of a 429, or until a document recovers.
        retry_info: Whether a 429 has a google.rpc.RetryInfo.
        retry_after: Whether a 429 or 503 has a Retry-After header.
        after_effect: Whether an error reply comes after the call took effect.
        upload_status: The X-Goog-Upload-Status of an error on a chunk; "" for none.
        http_status: The HTTP status of an error reply; None for that of its body.
    """

    kind: FaultKind
    route: str = "*"
    resource: str = "*"
    times: int | None = None
    rate: float = 1.0
    skip: int = 0
    delay_s: float = 10.0
    retry_info: bool = False
    retry_after: bool = False
    after_effect: bool = False
    upload_status: str = "final"
    http_status: int | None = None

    @classmethod
    def from_json(cls, value: object) -> FaultRule:
        """Parse a rule.

        Raises:
            ValueError: A kind or field is unknown, a value has the wrong type or is out of range,
                or the route pattern matches no route on which the kind can happen.
        """
        if not isinstance(value, dict):
            raise ValueError(f"a fault rule must be an object, not {value!r}")  # noqa: TRY004 - bad input, no bug
        types = {field.name: field for field in fields(cls)}
        if unknown := set(value) - set(types):
            raise ValueError(f"unknown fields of a fault rule: {', '.join(sorted(unknown))}")
        try:
            kind = FaultKind(str(value.get("kind")))
        except ValueError:
            raise ValueError(
                f"unknown kind {value.get('kind')!r}; the kinds are {', '.join(FaultKind)}"
            ) from None
        rule = cls(**{**value, "kind": kind})
        rule._check()
        return rule

    def to_json(self) -> JsonObject:
        """Return the rule in the form that `from_json` accepts."""
        return asdict(self)

    def concerns(self, route: Route, resource: str) -> bool:
        """Return whether a call matches the rule."""
        return self._happens_on(route) and fnmatchcase(resource, self.resource)

    def _happens_on(self, route: Route) -> bool:
        return route in _ROUTES.get(self.kind, frozenset(Route)) and fnmatchcase(route, self.route)

    def _check(self) -> None:
        wanted: dict[str, tuple[type, ...]] = {
            "route": (str,),
            "resource": (str,),
            "upload_status": (str,),
            "times": (int, type(None)),
            "http_status": (int, type(None)),
            "skip": (int,),
            "rate": (int, float),
            "delay_s": (int, float),
            "retry_info": (bool,),
            "retry_after": (bool,),
            "after_effect": (bool,),
        }
        for name, types in wanted.items():
            value: Any = getattr(self, name)
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                raise ValueError(f"{name} of a fault rule can't be {value!r}")
        if not 0 <= self.rate <= 1 or min(self.skip, self.delay_s, self.times or 0) < 0:
            raise ValueError(
                "rate must be from 0 to 1; skip, times and delay_s must not be negative"
            )
        if not any(self._happens_on(route) for route in Route):
            raise ValueError(f"{self.kind} can't happen on any route that matches {self.route!r}")


class _ActiveRule:
    """A rule in force, with the number of calls it matched and fired on."""

    def __init__(self, rule: FaultRule) -> None:
        self.rule = rule
        self.matched = 0
        self.fired = 0

    @property
    def spent(self) -> bool:
        return self.rule.times is not None and self.fired >= self.rule.times

    def fires(self, random_numbers: random.Random) -> bool:
        self.matched += 1
        if self.matched <= self.rule.skip or (
            self.rule.rate < 1 and random_numbers.random() >= self.rule.rate
        ):
            return False
        self.fired += 1
        return True


class Faults:
    """The rules in force; for each call, the first rule that fires wins."""

    def __init__(self, rules: Iterable[FaultRule] = (), seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._active = [_ActiveRule(rule) for rule in rules]

    def add(self, rules: Iterable[FaultRule]) -> None:
        """Add rules after those in force."""
        self._active.extend(_ActiveRule(rule) for rule in rules)

    def clear(self) -> None:
        """Remove all rules."""
        self._active.clear()

    def draw(self, route: Route, resource: str, *, reset: bool = False) -> FaultRule | None:
        """Return the rule that fires on a call, or None.

        Args:
            route: The call's route.
            resource: The name of the resource it concerns.
            reset: Whether to consider only connection resets, which happen before the request has
                been read, or only all other kinds.
        """
        for active in self._active:
            rule = active.rule
            if (rule.kind is FaultKind.CONNECTION_RESET) is not reset or active.spent:
                continue
            if rule.concerns(route, resource) and active.fires(self._random):
                return rule
        return None

    def to_json(self) -> list[JsonObject]:
        """Return the rules, with how often each matched and fired."""
        return [
            {**active.rule.to_json(), "matched": active.matched, "fired": active.fired}
            for active in self._active
        ]
