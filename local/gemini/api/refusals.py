"""Refusals on any route: a missing or invalid API key, and injected error replies."""

from __future__ import annotations

import math

from local.gemini.api.exchange import Head
from local.gemini.traffic.faults import FaultKind, FaultRule
from local.gemini.traffic.quota import QuotaKind, exhausted
from local.gemini.wire.errors import ApiError, invalid_argument

BAD_KEY_PREFIX = "bad"

_QUOTAS = {
    FaultKind.RATE_LIMITED: QuotaKind.PER_MINUTE,
    FaultKind.DAY_SPENT: QuotaKind.PER_DAY,
    FaultKind.STORAGE_FULL: QuotaKind.STORAGE,
    FaultKind.TOO_MANY_IMPORTS: QuotaKind.CONCURRENT_IMPORTS,
    FaultKind.CREDITS_DEPLETED: QuotaKind.CREDITS,
    FaultKind.SPENDING_CAP: QuotaKind.SPENDING_CAP,
}
_STATUSES = {
    FaultKind.INVALID_ARGUMENT: (400, "INVALID_ARGUMENT"),
    FaultKind.UNAUTHENTICATED: (401, "UNAUTHENTICATED"),
    FaultKind.PERMISSION_DENIED: (403, "PERMISSION_DENIED"),
    FaultKind.ALREADY_EXISTS: (409, "ALREADY_EXISTS"),
    FaultKind.INTERNAL: (500, "INTERNAL"),
    FaultKind.UNAVAILABLE: (503, "UNAVAILABLE"),
}


def check_key(head: Head) -> None:
    """Check the API key in the header or the query.

    Raises:
        ApiError: 403 if there is none; 400 with reason API_KEY_INVALID if it begins with "bad".
    """
    key = head.headers.get("x-goog-api-key") or head.query.get("key")
    if not key:
        raise ApiError(
            403,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity). "
            "Please use API Key or other form of API consumer identity to call this API.",
        )
    if key.startswith(BAD_KEY_PREFIX):
        raise invalid_argument(
            "API key not valid. Please pass a valid API key.",
            details=[
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "API_KEY_INVALID",
                    "domain": "googleapis.com",
                    "metadata": {"service": "generativelanguage.googleapis.com"},
                }
            ],
        )


def refusal(fault: FaultRule, delay_s: float) -> ApiError | None:
    """Return the error of a fault rule, or None if its kind is not an error reply.

    Args:
        fault: The rule.
        delay_s: The wait in its hints, in seconds of the clock.
    """
    if quota := _QUOTAS.get(fault.kind):
        return exhausted(
            quota,
            limit=None,
            delay_s=delay_s,
            retry_info=fault.retry_info,
            retry_after=fault.retry_after,
        )
    if fault.kind not in _STATUSES:
        return None
    code, status = _STATUSES[fault.kind]
    headers = {"Retry-After": str(max(1, math.ceil(delay_s)))} if fault.retry_after else {}
    return ApiError(code, status, f"Injected fault: {fault.kind}.", headers=headers)
