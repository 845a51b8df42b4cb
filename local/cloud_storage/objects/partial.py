"""Partial responses: the parameter ``fields``, such as ``items(name,size),nextPageToken``."""

from __future__ import annotations

import re

from local.cloud_storage.refusals import invalid

Mask = dict[str, "Mask"]
"""The fields to keep and what to keep of each; an empty mask keeps all."""

_TOKEN = re.compile(r"[A-Za-z0-9_*-]+|[(),/]")


def parse_fields(text: str) -> Mask:
    """The mask that ``fields`` describes; without it, the one that keeps all.

    Raises:
        Refused: 400: It describes none.
    """
    if not text:
        return {}
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise invalid(f"Invalid field selection {text}")
    try:
        mask = _list(tokens)
    except IndexError:
        tokens, mask = ["incomplete"], {}
    if tokens:
        raise invalid(f"Invalid field selection {text}")
    return {} if "*" in mask else mask


def masked(value: object, mask: Mask) -> object:
    """The fields of a resource, or of each in a list, that the mask keeps."""
    if not mask:
        return value
    if isinstance(value, list):
        return [masked(each, mask) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: masked(value[name], inner) for name, inner in mask.items() if name in value}


def _list(tokens: list[str]) -> Mask:
    """Take a list of fields off the tokens."""
    mask: Mask = {}
    while True:
        name = _name(tokens)
        inner = mask.setdefault(name, {})
        while tokens and tokens[0] == "/":
            del tokens[0]
            inner = inner.setdefault(_name(tokens), {})
        if tokens and tokens[0] == "(":
            del tokens[0]
            inner.update(_list(tokens))
            if tokens.pop(0) != ")":
                raise IndexError
        if not tokens or tokens[0] != ",":
            return mask
        del tokens[0]


def _name(tokens: list[str]) -> str:
    name = tokens.pop(0)
    if name in {"(", ")", ",", "/"}:
        raise IndexError
    return name
