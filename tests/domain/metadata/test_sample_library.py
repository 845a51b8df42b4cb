"""The table in samples/README.md says what becomes of each sample; these rules must agree."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.domain.metadata.metadata import (
    DEFAULT_EXPECTED_FIELDS,
    DocumentIdentity,
    MetadataSources,
)
from shared.domain.metadata.path_template import PathTemplate
from shared.domain.source.eligibility import (
    SNIFF_LENGTH,
    Accepted,
    NeedsSniff,
    Sidecar,
    Skipped,
    SkipReason,
    preflight,
    sniff,
)
from shared.domain.source.object_info import ObjectInfo
from shared.domain.source.sidecar_name import sidecar_name

OBJECT = ObjectInfo("a.md", 1, 1, 1, "md5:0", "", datetime(2026, 3, 2, tzinfo=UTC))

SAMPLES = Path(__file__).parents[3] / "samples"
LIBRARY = SAMPLES / "library"
README = (SAMPLES / "README.md").read_text(encoding="utf-8")
TABLE = dict(re.findall(r"^\| `([^`]+)` \| [^|]+ \| ([^|]+) \|$", README, re.MULTILINE))
TEMPLATE = PathTemplate.parse("{category}/{course}/{year:int}/week-{week:int} {title}")


def outcome(path: str) -> str:
    """What becomes of a sample, in the words of the table."""
    content = (LIBRARY / path).read_bytes()
    judgement = preflight(path, len(content))
    if isinstance(judgement, Sidecar):
        if (LIBRARY / judgement.base).exists():
            return "metadata of its base"
        judgement = Skipped(SkipReason.SIDECAR_WITHOUT_BASE)
    looked = isinstance(judgement, NeedsSniff)
    if isinstance(judgement, NeedsSniff):
        judgement = sniff(content[:SNIFF_LENGTH], complete=len(content) <= SNIFF_LENGTH)
    if isinstance(judgement, Skipped):
        return f"skipped: {judgement.reason}"
    return f"{described(judgement)}{' after a look' if looked else ''}, {metadata_of(path)}"


def described(accepted: Accepted) -> str:
    return accepted.media_type.replace(
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"
    )


def metadata_of(path: str) -> str:
    sidecar = LIBRARY / sidecar_name(path)
    metadata = MetadataSources(TEMPLATE, DEFAULT_EXPECTED_FIELDS, OBJECT).entries(
        DocumentIdentity(path, "md5:0", "0", "0"),
        sidecar.read_bytes() if sidecar.exists() else None,
    )
    match len(metadata.reports):
        case 0:
            return metadata.quality
        case 1:
            return f"{metadata.quality}, 1 report"
        case reports:
            return f"{metadata.quality}, {reports} reports"


def test_the_table_lists_every_sample_and_no_other() -> None:
    samples = {path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*")}
    files = {path for path in samples if (LIBRARY / path).is_file()}

    assert set(TABLE) == files


def test_the_table_names_the_template_it_rests_on() -> None:
    assert f"`{TEMPLATE.text}`" in README


@pytest.mark.parametrize("path", TABLE)
def test_a_sample_has_the_outcome_its_row_promises(path: str) -> None:
    assert outcome(path) == TABLE[path]


@pytest.mark.parametrize("path", TABLE)
def test_a_sample_name_is_composed_so_that_every_file_system_keeps_it(path: str) -> None:
    assert unicodedata.is_normalized("NFC", path)
