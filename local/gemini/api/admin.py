"""The simulator's own routes under /_sim/: logs, counts, faults, quota and reset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields, replace
from typing import Any

from local.gemini.api.exchange import Head, Reply, json_reply
from local.gemini.settings import StoreFigures
from local.gemini.simulator import Simulator
from local.gemini.traffic.faults import FaultRule
from local.gemini.traffic.quota import QuotaLimits
from local.gemini.traffic.request_log import LOG_SIZE
from local.gemini.wire.errors import ApiError, invalid_argument, not_found
from local.gemini.wire.messages import JsonObject
from local.gemini.wire.routes import Route

PREFIX = "/_sim/"
_PARTS = ("resources", "stats", "faults")


def parse_rules(value: object) -> list[FaultRule]:
    """Parse a list of fault rules, or a single rule.

    Raises:
        ValueError: A rule is invalid.
    """
    rules = value if isinstance(value, list) else [value]
    return [FaultRule.from_json(rule) for rule in rules]


def parse_limits(value: object, current: QuotaLimits) -> QuotaLimits:
    """Parse a change of limits; limits that are not named stay as they are.

    Raises:
        ValueError: A name is unknown, or a value has the wrong type.
    """
    names = {field.name for field in fields(QuotaLimits)}
    if not isinstance(value, dict) or set(value) - names:
        raise ValueError(f"limits must be an object with fields out of {', '.join(sorted(names))}")
    changes: dict[str, Any] = dict(value)
    for name, item in value.items():
        if name == "metered":
            changes[name] = frozenset(Route(route) for route in item)
        elif name.startswith("retry_"):
            if not isinstance(item, bool):
                raise ValueError(f"{name} must be true or false")
        elif item is not None and (not isinstance(item, int) or isinstance(item, bool) or item < 0):
            raise ValueError(f"{name} must be an integer of 0 or more, or null for no limit")
    return replace(current, **changes)


def parse_figures(value: object, current: StoreFigures) -> StoreFigures:
    """Parse a change of how stores count; fields that are not named stay as they are.

    Raises:
        ValueError: A name is unknown, or a value is no number or negative.
    """
    types = {"reported_per_byte": (int,), "lag_s": (int, float)}
    if not isinstance(value, dict) or set(value) - set(types):
        raise ValueError(f"figures must be an object with fields out of {', '.join(types)}")
    for name, item in value.items():
        if not isinstance(item, types[name]) or isinstance(item, bool) or item < 0:
            raise ValueError(f"{name} must be a number of 0 or more, not {item!r}")
    return replace(current, **value)


class Admin:
    """Answers the routes under /_sim/, which need no key and are not counted."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._handlers: dict[tuple[str, str], Callable[[Head, Any], object]] = {
            ("GET", "healthz"): lambda _head, _message: {"status": "ok"},
            ("GET", "requests"): self._requests,
            ("GET", "stats"): lambda _head, _message: simulator.stats(),
            ("GET", "documents"): lambda _head, _message: {
                "documents": simulator.describe_documents()
            },
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "quota"): self._limits,
            ("POST", "quota"): self._change_limits,
            ("GET", "store_figures"): lambda _head, _message: asdict(simulator.store_figures),
            ("POST", "store_figures"): self._change_figures,
            ("POST", "reset"): self._reset,
        }

    def answer(self, head: Head, message: object) -> Reply:
        """Answer a request; `message` is its body as JSON, or None if it is empty."""
        handler = self._handlers.get((head.method, head.path.removeprefix(PREFIX)))
        try:
            if handler is None:
                raise not_found(f"No such admin route: {head.method} {head.path}")
            return json_reply(handler(head, message))
        except (TypeError, ValueError) as error:
            refused = invalid_argument(str(error))
            return json_reply(refused.to_json(), refused.code)
        except ApiError as error:
            return json_reply(error.to_json(), error.code)

    def _requests(self, head: Head, _message: object) -> JsonObject:
        after = int(head.query.get("after", "0"))
        limit = int(head.query.get("limit", str(LOG_SIZE)))
        return {"requests": self._simulator.log.entries(after=after, limit=limit)}

    def _faults(self, _head: Head, _message: object) -> JsonObject:
        return {"faults": self._simulator.faults.to_json()}

    def _add_faults(self, head: Head, message: object) -> JsonObject:
        self._simulator.faults.add(parse_rules(message))
        return self._faults(head, message)

    def _clear_faults(self, head: Head, message: object) -> JsonObject:
        self._simulator.faults.clear()
        return self._faults(head, message)

    def _limits(self, _head: Head, _message: object) -> JsonObject:
        limits = self._simulator.quota.limits
        return {**asdict(limits), "metered": sorted(limits.metered)}

    def _change_limits(self, head: Head, message: object) -> JsonObject:
        quota = self._simulator.quota
        quota.limits = parse_limits(message, quota.limits)
        return self._limits(head, message)

    def _change_figures(self, _head: Head, message: object) -> JsonObject:
        figures = parse_figures(message, self._simulator.store_figures)
        self._simulator.store_figures = figures
        return asdict(figures)

    def _reset(self, _head: Head, message: object) -> JsonObject:
        parts = _PARTS if message is None else message
        if not isinstance(parts, list | tuple) or set(parts) - set(_PARTS):
            raise ValueError(f"the parts to reset must be a list out of {', '.join(_PARTS)}")
        self._simulator.reset(**{part: part in parts for part in _PARTS})
        return {"reset": list(parts)}
