"""A condition as alternatives, each of which is a list of filters that must all hold.

The service serves each alternative out of its own part of an index ("disjunctive normal form").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain, product
from typing import TypeAlias

from local.firestore.query.query import Filter, Op, Where

Alternative: TypeAlias = tuple[Filter, ...]

_SINGLE = {Op.IN: Op.EQ, Op.ARRAY_CONTAINS_ANY: Op.ARRAY_CONTAINS}


def disjunctions(where: Where | None, limit: int) -> Sequence[Alternative] | None:
    """The alternatives; None if there are more than ``limit``.

    ``in`` and ``array-contains-any`` become one alternative for each of their values.
    """
    return [()] if where is None else _alternatives(where, limit)


def _alternatives(where: Where, limit: int) -> Sequence[Alternative] | None:
    if isinstance(where, Filter):
        single = _SINGLE.get(where.op)
        if single is None:
            return [(where,)]
        values = where.value if type(where.value) is list else []
        return [(Filter(where.field, single, value),) for value in values]
    parts = []
    for each in where.parts:
        found = _alternatives(each, limit)
        if found is None:
            return None
        parts.append(found)
    if where.is_or:
        joined = [alternative for part in parts for alternative in part]
    else:
        if math.prod(map(len, parts)) > limit:
            return None
        joined = [tuple(chain.from_iterable(chosen)) for chosen in product(*parts)]
    return joined if len(joined) <= limit else None
