"""Tasks of any content: what is not a task of this deployment is acknowledged, and changes nothing.

``make fuzz`` makes 2,000 of them for each function.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.functions.framework_app import framework_app
from tests.functions.test_described import CASES, busy

ODD = st.sampled_from(
    [None, True, -1, 1.0, 2**63, 10**400, "", ".", "..", "__x__", "a/b", "\0", "\ud800", "x" * 2000]
)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)

OTHER_BATCH = "20200101-000000-abcdef"


def payloads(task: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """Bodies that are not this task: of any kind, or with some fields changed or left out."""
    names = st.sampled_from([*task])
    one_odd = st.tuples(names, ODD).map(lambda pair: {**task, pair[0]: pair[1]})
    changed = st.dictionaries(names, ANYTHING, min_size=1).map(lambda some: {**task, **some})
    shorter = st.sets(names, min_size=1).map(
        lambda some: {name: value for name, value in task.items() if name not in some}
    )
    foreign = st.just({**task, "batch": OTHER_BATCH})
    objects = st.one_of(one_odd, one_odd, changed, shorter, foreign).map(json.dumps)
    text = json.dumps(task)
    twice = names.map(lambda name: f'{text[:-1]}, "{name}": {json.dumps(task[name])}}}')
    cut = st.integers(1, len(text) - 1).map(lambda at: text[:at])
    texts = st.one_of(objects, objects, ANYTHING.map(json.dumps), twice, cut)
    return texts.map(str.encode) | st.binary(max_size=50)


@pytest.mark.parametrize("function", ["dispatcher", "upload"])
def test_a_task_that_is_not_ours_is_acknowledged_and_changes_nothing(function: str) -> None:
    world = busy()
    batch = world.report.batches(1)[0]["batch_id"]
    step = {"schema": 1, "path": "a.md", "seq": 10**6, "batch": batch, "generation": 0}
    scan = {"schema": 1, "batch": batch, "index": 10**6}
    path, task = {"upload": ("/step", step), "dispatcher": ("/control/scan", scan)}[function]
    writes, metered = world.documents.writes, world.gemini.metered

    with framework_app(function, world) as app:

        @settings(
            max_examples=max(CASES, 300),
            derandomize=True,
            database=None,
            suppress_health_check=[*HealthCheck],
        )
        @given(payloads(task))
        @example(b"")
        @example(json.dumps(task).encode())
        def test(body: bytes) -> None:
            response = app.test_client().post(path, data=body)

            assert response.status_code == 200
            assert isinstance(response.json, dict)
            assert (world.documents.writes, world.gemini.metered) == (writes, metered)

        test()
