"""The API through Google's official client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.types import firestore as requests
from google.cloud.firestore_v1.types import query as query_types

from local.firestore.api.databases import Databases
from local.firestore.api.reads import Reads
from local.firestore.engine.database import wall_clock
from local.firestore.engine.write import Write
from local.firestore.indexes.scan import Scan
from local.firestore.storage.sqlite import Row, SqliteBackend
from local.firestore.storage.state_file import StateFile
from tests.contract.servers import http_json
from tests.local.firestore.harness import client_of


def root(client: firestore.Client) -> str:
    return f"projects/{client.project}/databases/(default)/documents"


# --- writes -----------------------------------------------------------------------------------


def test_masks_transforms_and_deleted_fields(client: firestore.Client) -> None:
    a = client.document("files/a")
    a.set({"kept": 1, "gone": 1, "map": {"x": 1, "y": 1}, "tags": ["a", "b"]})
    result = a.update(
        {
            "gone": firestore.DELETE_FIELD,
            "map.x": 2,
            "`odd name`.z": 1,
            "n": firestore.Increment(2),
            "most": firestore.Maximum(5),
            "tags": firestore.ArrayUnion(["b", "c"]),
            "at": firestore.SERVER_TIMESTAMP,
        }
    )
    found = a.get().to_dict()
    assert found is not None
    at = found.pop("at")
    assert found == {
        "kept": 1,
        "map": {"x": 2, "y": 1},
        "odd name": {"z": 1},
        "n": 2,
        "most": 5,
        "tags": ["a", "b", "c"],
    }
    assert timedelta(0) <= result.update_time - at < timedelta(milliseconds=1)
    a.set({"map": {"y": 5}, "tags": firestore.ArrayRemove(["a"])}, merge=True)
    assert (a.get().to_dict() or {})["map"] == {"x": 2, "y": 5}


def test_preconditions_have_their_codes(client: firestore.Client) -> None:
    a = client.document("files/a")
    first = a.create({"n": 1}).update_time
    with pytest.raises(exceptions.AlreadyExists):
        a.create({"n": 2})
    with pytest.raises(exceptions.NotFound):
        client.document("files/none").update({"n": 1})
    a.update({"n": 2}, option=client.write_option(last_update_time=first))
    with pytest.raises(exceptions.FailedPrecondition):
        a.update({"n": 3}, option=client.write_option(last_update_time=first))
    with pytest.raises(exceptions.FailedPrecondition):
        a.delete(option=client.write_option(last_update_time=first))
    with pytest.raises(exceptions.NotFound):
        client.document("files/none").delete(option=client.write_option(exists=True))
    batch = client.batch()
    batch.set(client.document("files/b"), {"n": 1})
    batch.create(a, {"n": 1})
    with pytest.raises(exceptions.AlreadyExists):
        batch.commit()
    assert not client.document("files/b").get().exists


def test_a_bulk_writer_has_a_status_for_each_write(client: firestore.Client) -> None:
    client.document("files/a").set({})
    failed: list[Any] = []

    def give_up(error: Any, _: Any) -> bool:
        failed.append(error.code)
        return False

    writer = client.bulk_writer()
    writer.on_write_error(give_up)
    writer.create(client.document("files/a"), {"n": 1})
    writer.create(client.document("files/b"), {"n": 1})
    writer.close()
    assert len(failed) == 1
    assert client.document("files/b").get().exists


def test_the_same_fields_make_no_new_version(client: firestore.Client) -> None:
    a = client.document("files/a")
    first: Any = a.set({"n": 1}).update_time
    assert a.set({"n": 1}).update_time == first
    assert a.set({"n": 1.0}).update_time > first
    assert a.get().create_time == first


def nested(levels: int) -> Any:
    return 1 if levels == 0 else {"m": nested(levels - 1)}


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("c/a", {"a": nested(21)}),
        ("c/a", {"a": "x" * 1_048_576}),
        ("c/a", {"f" * 1501: 1}),
        ("c/a", {"__a__": 1}),
        ("c/a", {"m": {"__a__": 1}}),
        ("c/__a__", {}),
        ("c/..", {}),
        ("c/" + "x" * 1501, {}),
        ("c/a", {f"f{n}": firestore.Increment(1) for n in range(501)}),
        ("c/a", {"a": [[1]]}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_limits_are_kept(client: firestore.Client, path: str, fields: dict[str, Any]) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        client.document(path).set(fields)


def test_a_request_of_more_than_ten_mebibytes_is_refused(client: firestore.Client) -> None:
    batch = client.batch()
    for n in range(11):
        batch.set(client.document(f"files/{n}"), {"text": "x" * 1_000_000})
    with pytest.raises(exceptions.InvalidArgument, match="payload"):
        batch.commit()
    client.document("files/deep").set({"a": nested(20)})


# --- reads ------------------------------------------------------------------------------------


def test_documents_collections_and_groups_are_listed(client: firestore.Client) -> None:
    for path in ("a/1", "a/2", "a/1/b/1", "c/none/b/2", "d/x"):
        client.document(path).set({"path": path})
    assert [each.id for each in client.collections()] == ["a", "c", "d"]
    assert [each.id for each in client.document("a/1").collections()] == ["b"]
    assert [each.id for each in client.collection("a").list_documents(page_size=1)] == ["1", "2"]
    assert [each.id for each in client.collection("c").list_documents()] == ["none"]
    group = client.collection_group("b").stream()
    assert [each.reference.path for each in group] == ["a/1/b/1", "c/none/b/2"]
    assert client.recursive_delete(client.collection("a")) == 3
    assert [each.id for each in client.collections()] == ["c", "d"]


def test_databases_and_projects_are_apart(
    client: firestore.Client, served_firestore: dict[str, str]
) -> None:
    client.document("files/a").set({"n": 1})
    for other in (
        client_of(served_firestore["grpc"], client.project, "other"),
        client_of(served_firestore["grpc"], f"{client.project}-2"),
    ):
        assert not other.document("files/a").get().exists
        other.close()


def test_the_past_is_read_for_a_while(client: firestore.Client) -> None:
    a = client.document("files/a")
    first: Any = a.set({"n": 1}).update_time
    a.set({"n": 2})
    a.delete()
    assert a.get(read_time=first).to_dict() == {"n": 1}
    found = client.collection("files").where(filter=FieldFilter("n", "==", 1)).get(read_time=first)
    assert [each.id for each in found] == ["a"]
    assert client.collection("files").count().get(read_time=first)[0][0].value == 1
    now = datetime.now(UTC)  # noqa: TID251 - the server's clock is the machine's
    with pytest.raises(exceptions.FailedPrecondition, match="too old"):
        a.get(read_time=now - timedelta(days=1))
    with pytest.raises(exceptions.InvalidArgument, match="future"):
        a.get(read_time=now + timedelta(days=1))


def test_projections_cursors_and_references(client: firestore.Client) -> None:
    for n in range(5):
        client.document(f"files/{n}").set(
            {"n": n % 2, "m": {"x": n, "y": n}, "ref": client.document("a/b")}
        )
    files = client.collection("files")
    assert files.select(["m.x"]).limit(1).get()[0].to_dict() == {"m": {"x": 0}}
    assert files.select(["__name__"]).get()[0].to_dict() == {}
    last = files.document("2").get()
    assert [each.id for each in files.order_by("n").start_after(last).get()] == ["4", "1", "3"]
    assert [each.id for each in files.order_by("n").end_before(last).get()] == ["0"]
    assert [
        each.id for each in files.order_by("__name__").start_at([files.document("3")]).get()
    ] == ["3", "4"]
    same = files.where(filter=FieldFilter("ref", "==", client.document("a/b")))
    assert len(same.get()) == 5
    by_name = files.where(
        filter=FieldFilter("__name__", "in", [files.document("1"), files.document("9")])
    )
    assert [each.id for each in by_name.get()] == ["1"]
    assert [each.id for each in files.limit_to_last(2).order_by("m.x").get()] == ["3", "4"]


def test_figures_have_their_names_and_bounds(client: firestore.Client) -> None:
    for n in range(5):
        client.document(f"files/{n}").set({"n": n})
    query: Any = client.collection("files").where(filter=FieldFilter("n", ">", 0))
    figures = query.count("many").sum("n", alias="all").avg("n", alias="mean").get()[0]
    assert {each.alias: each.value for each in figures} == {"many": 4, "all": 10, "mean": 2.5}


def test_no_order_follows_that_of_the_names(client: firestore.Client) -> None:
    files: Any = client.collection("files")
    by_name = files.order_by("__name__")
    in_range = by_name.where(filter=FieldFilter("n", ">", 0))
    for query in (by_name.order_by("n"), in_range, in_range.count(), by_name.sum("n")):
        with pytest.raises(exceptions.InvalidArgument, match="after the key"):
            query.get()
    later = FieldFilter("__name__", ">", files.document("a"))
    assert by_name.where(filter=later).get() == []


def test_what_is_not_served_says_so(client: firestore.Client) -> None:
    api = client._firestore_api
    nearest = query_types.StructuredQuery(
        find_nearest={"limit": 1, "query_vector": {"array_value": {}}},
        from_=[{"collection_id": "c"}],
    )
    with pytest.raises(exceptions.MethodNotImplemented, match="FindNearest"):
        list(api.run_query(requests.RunQueryRequest(parent=root(client), structured_query=nearest)))
    with pytest.raises(exceptions.MethodNotImplemented, match="PartitionQuery"):
        list(client.collection_group("c").get_partitions(2))
    with pytest.raises(exceptions.MethodNotImplemented, match="Listen"):
        list(api.listen(iter([requests.ListenRequest(database=root(client)[:-10])])))
    with pytest.raises(exceptions.MethodNotImplemented, match="Write"):
        list(api.write(iter([requests.WriteRequest(database=root(client)[:-10])])))


def test_a_page_of_a_list_reads_no_more_than_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def scan(self: SqliteBackend, scan: Scan) -> Iterator[Row]:
        for row in whole(self, scan):
            read.append(row.path)
            yield row

    whole = SqliteBackend.scan
    monkeypatch.setattr(SqliteBackend, "scan", scan)
    database = "projects/p/databases/d"
    with closing(StateFile(None, None)) as file:
        databases = Databases(file, None, wall_clock)
        paths = [f"files/{n:02}" for n in range(30)]
        written = [Write(path, {}) for path in [*paths, "files/101/parts/1"]]
        databases.open(database).database.commit(written)
        request = requests.ListDocumentsRequest.pb()(
            parent=f"{database}/documents", collection_id="files", page_size=8, show_missing=True
        )
        listed: list[str] = []
        while not listed or request.page_token:
            answer = Reads(databases).list_documents(request)
            listed += [
                each.name.removeprefix(f"{database}/documents/") for each in answer.documents
            ]
            request.page_token = answer.next_page_token
    assert listed == sorted([*paths, "files/101"])
    assert len(read) <= 30 + 2 * 4, "each page reads one document more, and that before it"


# --- indexes ----------------------------------------------------------------------------------


def test_a_query_without_its_index_says_what_to_add(indexed: firestore.Client) -> None:
    files = indexed.collection("files")
    for n in range(3):
        files.document(str(n)).set({"status": "new", "n": n, "tags": ["x", n]})
    new: Any = files.where(filter=FieldFilter("status", "==", "new"))
    assert len(new.get()) == 3
    down = new.order_by("n", direction=firestore.Query.DESCENDING)
    assert [each.id for each in down.get()] == ["2", "1", "0"]
    assert [each.id for each in down.start_after({"n": 2}).limit(1).get()] == ["1"]
    with pytest.raises(exceptions.FailedPrecondition, match="status ASCENDING, n ASCENDING"):
        new.order_by("n").get()
    with pytest.raises(exceptions.FailedPrecondition, match="files: n ASCENDING"):
        files.where(filter=FieldFilter("n", ">", 1)).get()
    with pytest.raises(exceptions.FailedPrecondition, match="status ASCENDING, n ASCENDING"):
        new.sum("n").get()
    assert len(indexed.collection("others").where(filter=FieldFilter("n", ">", 1)).get()) == 0


def test_a_collection_group_has_its_own_indexes(indexed: firestore.Client) -> None:
    for path in ("files/a", "x/y/files/b", "x/z/files/c"):
        indexed.document(path).set({"tags": ["t", path], "n": len(path)})
    group = indexed.collection_group("files")
    tagged = group.where(filter=FieldFilter("tags", "array_contains", "t")).order_by("n")
    assert [each.id for each in tagged.get()] == ["a", "b", "c"]
    with pytest.raises(exceptions.FailedPrecondition, match="collection group"):
        group.where(filter=FieldFilter("status", "==", "new")).get()


def test_what_has_ended_is_deleted_later(
    indexed: firestore.Client, indexed_server: dict[str, str]
) -> None:
    past, future = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
    ends = {"past": past, "future": future, "none": None, "text": "2020", "none at all": 0}
    for name, value in ends.items():
        indexed.document(f"files/{name}").set({"ends": value})
    indexed.document("others/past").set({"ends": past})
    assert indexed.document("files/past").get().exists, "not at once"
    assert http_json(f"{indexed_server['admin']}/expire", {})["deleted"] == 1
    left = {each.id for each in indexed.collection("files").stream()}
    assert left == ends.keys() - {"past"}
    assert indexed.document("others/past").get().exists
