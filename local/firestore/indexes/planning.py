"""Which parts of which indexes a query reads.

A plan may find too much, since every condition is tested again on what is found. It never finds too
little.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from local.firestore.indexes.index_set import Index, IndexSet, Mode
from local.firestore.indexes.rules import missing, serving, shape
from local.firestore.indexes.scan import Scan, part, reference_part
from local.firestore.query.field_path import NAME, FieldPath
from local.firestore.query.normal_form import Alternative, disjunctions
from local.firestore.query.ordering import whole_order
from local.firestore.query.query import ARRAYS, EQUALITIES, Op, Query
from local.firestore.query.validity import MAX_DISJUNCTIONS
from local.firestore.values.encoding import above, encoded, inverted
from local.firestore.values.kinds import Value
from local.firestore.values.order import NAN, NULL, order_key

_SINGLE = (Op.EQ, Op.ARRAY_CONTAINS)
_LOWER = (Op.GT, Op.GE)
_UPPER = (Op.LT, Op.LE)


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts to read.

    Attributes:
        scans: The parts.
        is_sorted: Whether what they hold comes in the query's order.
        is_exact: Whether they hold nothing twice and nothing that the condition leaves out.
    """

    scans: tuple[Scan, ...]
    is_sorted: bool
    is_exact: bool


def plan(query: Query, indexes: IndexSet | None) -> Plan | None:
    """The parts of indexes that hold all results; None: read all documents of the collections.

    Args:
        query: A valid query.
        indexes: The indexes there are; None serves every query.

    Raises:
        Refused: FAILED_PRECONDITION: there is no index for the query.
    """
    if query.collection is None:
        return None
    if not query.descendants and len(whole_order(query)) == 1 and _is_plain(query):
        return Plan((_by_name(query),), is_sorted=True, is_exact=True)
    if indexes is None:
        return None
    if (refusal := missing(query, indexes)) is not None:
        raise refusal
    alternatives = disjunctions(query.where, MAX_DISJUNCTIONS) or []
    scans = [_scan(query, each, indexes) for each in alternatives]
    stored = tuple(scan for scan in scans if scan is not None)
    if len(stored) < len(scans) or not scans:
        return None
    is_exact = _are_apart(stored) and all(
        _is_exact(query, *each) for each in zip(stored, alternatives, strict=True)
    )
    return Plan(stored, is_sorted=len(stored) == 1, is_exact=is_exact)


def _are_apart(scans: tuple[Scan, ...]) -> bool:
    """Whether no document is in two of the parts: they are of one index, and don't overlap.

    An array has several entries, so it may be in parts that don't.
    """
    if len(scans) == 1:
        return True
    ordered = sorted(scans, key=lambda scan: scan.low)
    modes = {mode for scan in scans if scan.index for _, mode in scan.index.fields}
    return (
        Mode.CONTAINS not in modes
        and len({scan.index for scan in scans}) == 1
        and all(one.high is not None and one.high <= other.low for one, other in pairwise(ordered))
    )


def _is_exact(query: Query, scan: Scan, alternative: Alternative) -> bool:
    """Whether the part holds what meets all filters, and nothing else."""
    index = scan.index
    wanted = shape(query, alternative)
    in_prefix = set() if index is None else {path for path, _ in index.fields} & wanted.prefix
    single = [each.field for each in alternative if each.field in wanted.prefix]
    if in_prefix != wanted.prefix or len(single) > len(wanted.prefix):
        return False
    first = wanted.order[0][0]
    return all(
        each.op in (Op.IS_NULL, Op.IS_NAN)
        or (
            order_key(each.value)[0] not in (NULL, NAN)
            and (each.op in _SINGLE or (each.op in (Op.LE, Op.GE) and each.field == first))
            and each.field != NAME
        )
        for each in alternative
    )


def _is_plain(query: Query) -> bool:
    return query.where is None and not whole_order(query)[0].descending


def _by_name(query: Query) -> Scan:
    first = ""
    if query.start is not None and query.start.values:
        collection, _, name = query.start.values[0].name.rpartition("/")
        first = name if collection == query.path else ""
    return Scan(None, query.path, first=first)


def _scan(query: Query, alternative: Alternative, indexes: IndexSet) -> Scan | None:
    """The part of the widest index; None if there is only an automatic one, which isn't stored."""
    wanted = shape(query, alternative)
    serving_it = serving(wanted, indexes) or ()
    index = next((each for each in serving_it if indexes.is_configured(each)), None)
    if index is None:
        return None
    prefix = _prefix(index, len(index.whole) - len(wanted.order), alternative)
    low, high = prefix, above(prefix)
    field, mode = wanted.order[0]
    if field != NAME:
        least, beyond = _range(field, mode, alternative)
        low = prefix + least
        high = high if beyond is None else prefix + beyond
    scope = "" if query.descendants else query.path
    low = max(low, prefix + _start(query, wanted.order, scope))
    return Scan(index, scope, low, high, prefix)


def _prefix(index: Index, length: int, alternative: Alternative) -> bytes:
    """The part of the keys that stands for the equalities."""
    values: dict[tuple[FieldPath, bool], Value] = {}
    for each in alternative:
        if each.op in EQUALITIES or each.op in ARRAYS:
            value = float("nan") if each.op is Op.IS_NAN else each.value
            values.setdefault((each.field, each.op is Op.ARRAY_CONTAINS), value)
    return b"".join(
        part(values[path, mode is Mode.CONTAINS], mode) for path, mode in index.fields[:length]
    )


def _range(field: FieldPath, mode: Mode, alternative: Alternative) -> tuple[bytes, bytes | None]:
    """The bounds that ranges of the first field of the order set, in the index's direction."""
    lower = max(
        (encoded(each.value) for each in alternative if each.field == field and each.op in _LOWER),
        default=None,
    )
    upper = min(
        (encoded(each.value) for each in alternative if each.field == field and each.op in _UPPER),
        default=None,
    )
    if lower is None or upper is None:  # a range has values of one type only
        kind = (lower or upper or b"")[:1] or None
        lower, upper = lower or kind, upper or kind
    if mode is Mode.DESCENDING:
        lower, upper = (
            None if upper is None else inverted(upper),
            None if lower is None else inverted(lower),
        )
    return lower or b"", None if upper is None else above(upper)


def _start(query: Query, order: tuple[tuple[FieldPath, Mode], ...], scope: str) -> bytes:
    """The bytes with which the start cursor's place begins, as far as they are known."""
    if query.start is None:
        return b""
    values: Mapping[FieldPath, Value] = {
        each.field: value for each, value in zip(query.order_by, query.start.values, strict=False)
    }
    if not values.keys() <= {field for field, _ in order}:
        return b""  # a field of an equality stands in the order, too, so it decides first
    key = b""
    for field, mode in order:
        if field not in values:
            break
        known = (
            reference_part(values[field], mode, scope)
            if field == NAME
            else part(values[field], mode)
        )
        if known is None:
            break
        key += known
    return key
