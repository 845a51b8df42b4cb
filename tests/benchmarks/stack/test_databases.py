"""The benchmark of databases runs; its figures are nobody's promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.stack.options import FirestoreKind
from tests.benchmarks.stack.databases import Table, main

if TYPE_CHECKING:
    import pytest


def test_it_measures_the_local_server(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--server", "embedded", "--records", "50", "--files", "1", "--requests", "8"])

    printed = capsys.readouterr().out
    for figure in ("commits a second", "50 records: disk, MB", "a sync of 1 files: memory, MB"):
        assert figure in printed
    assert "ended by" not in printed
    assert "indexed" not in printed


def test_the_table_has_ratios_where_both_have_figures() -> None:
    table = Table()
    table.add(FirestoreKind.EMBEDDED, "memory", 50.0)
    table.add(FirestoreKind.EMULATOR, "memory", 200.0)
    table.add(FirestoreKind.EMBEDDED, "written", 50.0)
    table.add(FirestoreKind.EMULATOR, "written", "GaveUp")

    memory, written = list(table.lines())[1:]

    assert memory.split()[-1] == "0.25"
    assert written.split()[-1] == "GaveUp"
