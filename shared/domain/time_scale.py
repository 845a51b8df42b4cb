"""The time scale divides the waiting times of all policies alike, for runs on one machine."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

P = TypeVar("P", bound="DataclassInstance")

FixedTime = Annotated[timedelta, "fixed"]
"""A time that no scale divides: the service counts it in real hours, or it outlasts a run."""


def scaled(policy: P, time_scale: float) -> P:
    """The policy with its times divided by ``time_scale``, except those of type ``FixedTime``."""
    kinds = get_type_hints(type(policy), include_extras=True)
    times = {
        each.name: getattr(policy, each.name) / time_scale
        for each in fields(policy)
        if kinds[each.name] is timedelta
    }
    return replace(policy, **times)
