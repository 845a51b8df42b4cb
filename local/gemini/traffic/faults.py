"""Faults on order: which call goes wrong, how, and how often."""

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
    """What goes wrong."""

    # 429, of each kind.
    RATE_LIMITED = "rate_limited"
    DAY_SPENT = "day_spent"
    STORAGE_FULL = "storage_full"
    TOO_MANY_IMPORTS = "too_many_imports"
    # Other refusals: 400, 401, 403, 409, 500 and 503.
    INVALID_ARGUMENT = "invalid_argument"
    UNAUTHENTICATED = "unauthenticated"
    PERMISSION_DENIED = "permission_denied"
    ALREADY_EXISTS = "already_exists"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    # The call takes effect; its reply is spoiled.
    REPLY_LOST = "reply_lost"
    STATUS_HEADER_MISSING = "status_header_missing"
    HTML_BODY = "html_body"
    EMPTY_PAGE = "empty_page"
    SLOW_REPLY = "slow_reply"
    # The connection is reset while the request is being sent; nothing takes effect.
    CONNECTION_RESET = "connection_reset"
    # The call succeeds; what it began goes wrong later.
    FILE_FAILED = "file_failed"
    OPERATION_HUNG = "operation_hung"
    OPERATION_FAILED = "operation_failed"
    DOCUMENT_STUCK = "document_stuck"
    DOCUMENT_FAILED = "document_failed"
    DOCUMENT_RECOVERS = "document_recovers"


# Where a kind makes sense, when that is not everywhere.
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
    """An order. Durations are in seconds of the real service, divided by the time scale.

    Attributes:
        kind: What goes wrong.
        route: Pattern of route names (`*` and `?`).
        resource: Pattern of the file, document, operation or store the call is about.
        times: The next so many matching calls; None for no end.
        rate: The share of matching calls, drawn with the seed.
        skip: Matching calls let through first.
        delay_s: Of a slow reply, of the hint in a 429, or until a document recovers.
        retry_info: A 429 carries google.rpc.RetryInfo.
        retry_after: A 429 or 503 carries a Retry-After header.
        after_effect: An error reply comes after the call took effect.
        upload_status: The X-Goog-Upload-Status of an error on a chunk; "" for none.
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

    @classmethod
    def from_json(cls, value: object) -> FaultRule:
        """Read an order.

        Raises:
            ValueError: Unknown kind or field, a value of the wrong type or out of range, or a
                route pattern that matches no route the kind makes sense on.
        """
        if not isinstance(value, dict):
            raise ValueError(f"a fault is an object, not {value!r}")  # noqa: TRY004 - bad input, no bug
        types = {field.name: field for field in fields(cls)}
        if unknown := set(value) - set(types):
            raise ValueError(f"unknown fields of a fault: {', '.join(sorted(unknown))}")
        kind = FaultKind(str(value.get("kind")))
        rule = cls(**{**value, "kind": kind})
        rule._check()
        return rule

    def to_json(self) -> JsonObject:
        """Return the order as `from_json` reads it."""
        return asdict(self)

    def concerns(self, route: Route, resource: str) -> bool:
        """Tell whether a call matches."""
        return self._happens_on(route) and fnmatchcase(resource, self.resource)

    def _happens_on(self, route: Route) -> bool:
        return route in _ROUTES.get(self.kind, frozenset(Route)) and fnmatchcase(route, self.route)

    def _check(self) -> None:
        wanted: dict[str, tuple[type, ...]] = {
            "route": (str,),
            "resource": (str,),
            "upload_status": (str,),
            "times": (int, type(None)),
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
                raise ValueError(f"{name} of a fault can't be {value!r}")
        if not 0 <= self.rate <= 1 or min(self.skip, self.delay_s, self.times or 0) < 0:
            raise ValueError("rate lies from 0 to 1; skip, times and delay_s are not negative")
        if not any(self._happens_on(route) for route in Route):
            raise ValueError(f"{self.kind} happens on no route like {self.route!r}")


class _Order:
    """A rule and how far it has been carried out."""

    def __init__(self, rule: FaultRule) -> None:
        self.rule = rule
        self.matched = 0
        self.fired = 0

    @property
    def spent(self) -> bool:
        return self.rule.times is not None and self.fired >= self.rule.times

    def fires(self, chance: random.Random) -> bool:
        self.matched += 1
        if self.matched <= self.rule.skip or (
            self.rule.rate < 1 and chance.random() >= self.rule.rate
        ):
            return False
        self.fired += 1
        return True


class Faults:
    """The orders in force; for each call the first that fires wins."""

    def __init__(self, rules: Iterable[FaultRule] = (), seed: int = 0) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._orders = [_Order(rule) for rule in rules]

    def add(self, rules: Iterable[FaultRule]) -> None:
        """Put further orders behind those in force."""
        self._orders.extend(_Order(rule) for rule in rules)

    def clear(self) -> None:
        """Cancel all orders."""
        self._orders.clear()

    def draw(self, route: Route, resource: str, *, reset: bool = False) -> FaultRule | None:
        """Return what goes wrong with a call, or None.

        Args:
            route: What the call asks for.
            resource: What it is about.
            reset: Draw among connection resets only, which strike before the request has been
                read; otherwise among all others.
        """
        for order in self._orders:
            rule = order.rule
            if (rule.kind is FaultKind.CONNECTION_RESET) is not reset or order.spent:
                continue
            if rule.concerns(route, resource) and order.fires(self._chance):
                return rule
        return None

    def to_json(self) -> list[JsonObject]:
        """Return the orders with how often each matched and fired."""
        return [
            {**order.rule.to_json(), "matched": order.matched, "fired": order.fired}
            for order in self._orders
        ]
