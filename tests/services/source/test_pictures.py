"""Pictures, under stores of both kinds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import Refused
from shared.domain.estimate.prices import PriceTable, load_prices
from tests.domain.source.test_picture import jpeg, png
from tests.services.story import begun, later
from tests.world import World, rules

MULTIMODAL = "models/gemini-embedding-2"
FILES: dict[str, bytes | str] = {
    "a.md": "# A\n",
    "light.png": png(640, 480),
    "photos/mole.jpg": jpeg(64, 48),
}


def library(**settings: Any) -> World:
    world = World(rules(**settings))
    world.put(FILES)
    return world


def test_a_store_of_text_skips_pictures_and_says_so() -> None:
    summary = library().sync()
    assert summary["indexed"] == 1
    assert summary["skips"] == [
        {"path": "light.png", "reason": "picture_in_text_store"},
        {"path": "photos/mole.jpg", "reason": "picture_in_text_store"},
    ]


def test_a_multimodal_store_indexes_them_at_their_price() -> None:
    world = library(embedding_model=MULTIMODAL)
    estimate = world.sync(dry_run=True)["estimate"]
    later(world, timedelta(seconds=1))

    summary = world.sync()

    assert (summary["indexed"], summary["skips"]) == (3, [])
    pictures = 2 * 258 * 0.45 / 1_000_000
    assert estimate["cost"] == pytest.approx(pictures, rel=0.01)
    assert summary["estimated_cost"] == pytest.approx(estimate["cost"])


def test_a_picture_of_too_many_pixels_is_skipped_before_it_is_sent() -> None:
    world = World(rules(embedding_model=MULTIMODAL))
    world.put({"wide.png": png(4097, 10), "tall.jpg": jpeg(10, 5000), "good.png": png(4096, 4096)})

    summary = world.sync()

    assert summary["indexed"] == 1
    assert {each["path"]: each["reason"] for each in summary["skips"]} == {
        "tall.jpg": "too_many_pixels",
        "wide.png": "too_many_pixels",
    }
    assert summary["requests"]["metered"] == 2


def test_what_is_called_a_picture_and_is_none_is_skipped() -> None:
    world = World(rules(embedding_model=MULTIMODAL))
    world.put({"page.png": "<html>Not found</html>"})
    assert world.sync()["skips"] == [{"path": "page.png", "reason": "contradicts_name"}]


def test_the_settings_must_name_the_stores_embedding_model() -> None:
    world = library(embedding_model=MULTIMODAL)
    world.sync()
    later(world, timedelta(seconds=1))
    world.use(world.context_with(embedding_model=""))

    summary = world.sync()

    assert summary["status"] == "refused"
    assert "EMBEDDING_MODEL is not set, which means gemini-embedding-001" in summary["message"]


def test_where_the_price_of_pictures_is_unknown_the_sync_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = load_prices().model_copy(update={"picture_per_million_tokens": {}})
    assert isinstance(table, PriceTable)
    monkeypatch.setattr("shared.domain.deployment.settings.load_prices", lambda: table)
    world = library(embedding_model=MULTIMODAL)

    with pytest.raises(Refused, match="is not known, so nothing bounds what the imports cost"):
        begun(world)
    assert world.sync(max_imports=3)["indexed"] == 3
