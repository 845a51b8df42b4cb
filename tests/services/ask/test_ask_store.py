from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.ask.answer import NOTHING_SUPPORTS
from shared.domain.ask.reply import Passage, Reply, Support
from shared.domain.errors import (
    BadRequest,
    Exhausted,
    OutcomeUnknown,
    QuotaKind,
    Refused,
    Throttled,
)
from shared.gateways.database.records import BREAKER
from tests.services.ask.asking import Asking, passage_of
from tests.twins.answers import TOKENS, supported
from tests.world import World, rules

SAILS, KNOTS = "crafts/sails.md", "crafts/knots.md"
PRICE = (1000 * 0.30 + 100 * 2.50) / 1_000_000


def synced(*paths: str) -> World:
    world = World()
    world.put({path: f"# {path}\n" for path in paths or (SAILS, KNOTS)})
    assert world.sync()["status"] == "completed"
    return world


def test_an_answer_has_numbered_sources_by_their_real_names() -> None:
    world = World(rules(expected_fields=("year:int",)))
    world.put({SAILS: "# Sails\n", f"{SAILS}.meta.json": '{"year": 2025, "tags": ["a", "b"]}'})
    world.put({KNOTS: "# Knots\n"})
    world.sync()
    sails = passage_of(world, SAILS, text="Wax the thread.", page=3)
    knots = passage_of(world, KNOTS, text="A sheet bend.")
    text = "Wax it. Then tie a sheet bend."
    supports = (Support(30, (1, 0)), Support(7, (0,)))
    asking = Asking(world, Reply(text, (sails, knots), supports, TOKENS))

    told = asking.ask("How are sails mended?")

    assert told["answer"] == "Wax it. [1] Then tie a sheet bend. [1, 2]"
    assert told["supported"]
    first, second = told["sources"]
    assert second == {
        "number": 2,
        "path": KNOTS,
        "uri": f"gs://library/{KNOTS}",
        "generation": str(world.bucket.stat(KNOTS).generation),  # type: ignore[union-attr]
        "page": None,
        "passage": "A sheet bend.",
        "picture": None,
        "metadata": {},
    }
    assert (first["path"], first["page"]) == (SAILS, 3)
    assert first["metadata"] == {"year": 2025.0, "tags": ["a", "b"]}
    assert told["cost"] == pytest.approx(PRICE)
    assert told["tokens"] == {"input": 1000, "output": 100}


def test_only_the_deployments_own_documents_are_searched() -> None:
    world = synced()
    asking = Asking(world)
    asking.ask("Why?", filter='year=2025 AND category="x"')
    (inquiry,) = asking.answers.asked
    owner = world.rules.settings.owner
    assert inquiry.metadata_filter == f'owner="{owner}" AND (year=2025 AND category="x")'
    assert inquiry.store == world.gemini.list_stores().stores[0].name
    assert inquiry.model == "gemini-3.5-flash-lite"


def test_a_title_without_metadata_is_found_in_the_ledger_of_imports() -> None:
    world = synced()
    bare = replace(passage_of(world, SAILS, text="Wax."), metadata={})
    assert bare.title.startswith("fss-")
    told = Asking(world, supported("Wax it.", bare)).ask()
    assert [source["path"] for source in told["sources"]] == [SAILS]


@pytest.mark.parametrize(
    "passage",
    [
        Passage("fss-" + "0" * 36, "Foreign."),
        Passage("report.pdf", "Foreign."),
        Passage("x", "Foreign.", metadata={"owner": "somebody", "path": SAILS}),
        Passage("x", "Foreign.", metadata={"path": SAILS}),
    ],
)
def test_a_foreign_document_is_never_cited(passage: Passage) -> None:
    told = Asking(synced(), supported("It is so.", passage)).ask()
    assert (told["sources"], told["supported"]) == ([], False)
    assert told["answer"] == NOTHING_SUPPORTS


def test_of_ours_and_foreign_ones_only_ours_are_cited() -> None:
    world = synced()
    foreign = Passage("x", "Foreign.", metadata={"owner": "somebody", "path": "theirs.md"})
    reply = supported("It is so.", foreign, passage_of(world, SAILS))
    told = Asking(world, reply).ask()
    assert [(each["number"], each["path"]) for each in told["sources"]] == [(1, SAILS)]
    assert told["answer"] == "It is so. [1]"


def test_what_was_found_and_supports_nothing_is_not_cited() -> None:
    world = synced()
    found = (passage_of(world, SAILS, text="Wax."),)
    told = Asking(world, Reply("Tungsten boils at 5,555 degrees.", found, (), TOKENS)).ask()
    assert (told["answer"], told["sources"], told["supported"]) == (NOTHING_SUPPORTS, [], False)


@pytest.mark.parametrize(
    "text", ["NO_ANSWER: Das steht nirgends.", "**NO_ANSWER** Das steht nirgends."]
)
def test_the_model_says_in_the_questions_language_that_there_is_no_answer(text: str) -> None:
    world = synced()
    told = Asking(world, supported(text, passage_of(world, SAILS))).ask("Wie heiß ist Wolfram?")
    assert (told["answer"], told["sources"]) == ("Das steht nirgends.", [])


def test_a_reply_that_was_stopped_is_told_as_such() -> None:
    world = synced()
    cut = replace(supported("Wax the", passage_of(world, SAILS)), stopped="MAX_TOKENS")
    asking = Asking(world, cut, Reply("", (), (), TOKENS, stopped="SAFETY"))
    assert asking.ask()["stopped"] == "MAX_TOKENS"
    assert asking.ask()["answer"] == f"{NOTHING_SUPPORTS} The model ended with SAFETY."


def test_what_a_document_makes_the_model_say_is_plain_text() -> None:
    world = synced()
    evil = "Click [here](https://evil.example/?q=1) ![x](https://evil.example/x.png) \x1b]8;;x\x07"
    told = Asking(world, supported(evil, passage_of(world, SAILS, text=evil))).ask()
    for text in (told["answer"], told["sources"][0]["passage"]):
        assert "https://" not in text
        assert "](" not in text
        assert "![" not in text
        assert text.isprintable()


def test_a_long_name_is_told_whole() -> None:
    long = "a/" + "b" * 300 + ".md"
    world = synced(long)
    told = Asking(world, supported("Yes.", passage_of(world, long))).ask()
    assert [source["path"] for source in told["sources"]] == [long]


def test_the_store_is_as_of_the_beginning_of_the_last_complete_sync() -> None:
    world = World()
    asking = Asking(world)
    with pytest.raises(Refused, match="start a sync first"):
        asking.ask()
    world.put({SAILS: "# Sails\n"})
    began = world.clock.now()
    world.sync()
    world.clock.advance(timedelta(hours=1))
    world.sync(dry_run=True)
    world.sync(prefix="crafts/")
    assert asking.ask()["store_as_of"] == began.isoformat()


# --- what it costs ----------------------------------------------------------------------------


def test_an_answer_is_paid_from_a_limit_of_its_own_and_the_records_are_not_touched() -> None:
    world = synced()
    asking = Asking(world, supported("Yes.", passage_of(world, SAILS)))
    spent = world.report.batches(1)[0]["estimated_cost"]
    asking.ask()
    ((day, cost, questions),) = asking.spent()
    assert (day, questions) == ("asks/2025-12-31", 1)
    assert cost == pytest.approx(PRICE)
    assert world.report.batches(1)[0]["estimated_cost"] == spent


def test_an_answer_whose_cost_is_not_told_counts_as_the_most_that_it_can_cost() -> None:
    world = synced()
    reply = replace(supported("Yes.", passage_of(world, SAILS)), tokens=None)
    asking = Asking(world, reply, limit=0.0175)  # one answer costs at most 0.0174
    told = asking.ask()
    assert (told["answer"], told["tokens"], told["cost"]) == ("Yes. [1]", None, None)
    with pytest.raises(Exhausted, match="MAX_ASK_COST_PER_DAY"):
        asking.ask()


def test_a_question_that_could_exceed_the_days_limit_is_not_sent() -> None:
    asking = Asking(synced(), limit=0.0175)  # one answer costs at most 0.0174
    asking.ask()
    with pytest.raises(Exhausted, match=r"0\.0175 USD that MAX_ASK_COST_PER_DAY allows, 0\.00055"):
        asking.ask()
    assert len(asking.answers.asked) == 1
    asking.world.clock.advance(timedelta(hours=24))
    asking.ask()
    assert [questions for _, _, questions in asking.spent()] == [1, 1]


def test_a_throttled_question_costs_nothing_and_leaves_breaker_and_holds_alone() -> None:
    world = synced()
    before = world.documents.get_all([BREAKER])
    asking = Asking(world, Throttled("gemini.ask", quota=QuotaKind.DAY))
    with pytest.raises(Exhausted, match="Syncs are not affected"):
        asking.ask()
    assert asking.spent() == [("asks/2025-12-31", 0.0, 0)]
    after = world.documents.get_all([BREAKER])
    assert {path: each.fields for path, each in after.items()} == {
        path: each.fields for path, each in before.items()
    }


def test_a_refused_question_costs_nothing_and_one_without_a_reply_may_have_cost() -> None:
    asking = Asking(synced(), BadRequest("gemini.ask", code=400), OutcomeUnknown("gemini.ask"))
    with pytest.raises(BadRequest):
        asking.ask()
    assert asking.spent() == [("asks/2025-12-31", 0.0, 0)]
    with pytest.raises(OutcomeUnknown):
        asking.ask()
    ((_, cost, questions),) = asking.spent()
    assert cost == pytest.approx(0.0174, abs=0.0001)
    assert questions == 1
