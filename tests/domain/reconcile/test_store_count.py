from __future__ import annotations

from shared.domain.reconcile.store_count import CountTrust

NEW = CountTrust()


def test_a_new_difference_is_listed_at_once() -> None:
    assert NEW.is_to_be_listed_now(1, 0)
    assert NEW.is_to_be_listed_now(0, 1), "a foreign document that was listed is gone"
    assert not NEW.is_to_be_listed_now(2, 2)


def test_a_difference_that_the_listing_shows_is_explained() -> None:
    assert NEW.after_listing(2, 2, 2, repaired=True) == NEW


def test_a_difference_that_appears_after_the_listing_is_doubted_until_the_next_sync() -> None:
    after = NEW.after_listing(None, 1, 0, repaired=False)

    assert after.doubted == 1
    assert after.persists(1, 0)
    assert not after.persists(0, 0)


def test_after_a_listing_in_vain_differences_are_doubted_first() -> None:
    after = NEW.after_listing(-5, 0, 0, repaired=False)

    assert not after.is_to_be_listed_now(-3, 0)
    noted = after.at_end(-3, 0)
    assert not noted.persists(0, 0), "the count has caught up"
    assert noted.persists(-3, 0)


def test_a_listing_that_repairs_something_restores_the_trust() -> None:
    lags = CountTrust(lags=True, doubted=1)

    assert lags.after_listing(1, 0, 0, repaired=True) == NEW


def test_a_difference_that_two_listings_could_not_show_is_no_reason_for_another() -> None:
    once = NEW.after_listing(-1, -1, 0, repaired=False)
    twice = once.after_listing(-1, -1, 0, repaired=False)

    assert once.persists(-1, 0)
    assert (twice.doubted, twice.vain) == (None, -1)
    assert twice.at_end(-1, 0) == twice
    assert twice.at_end(-2, 0).persists(-2, 0), "another difference is another reason"
    assert twice.at_end(0, 0).vain is None
    weekly = twice.after_listing(None, -1, 0, repaired=False)
    assert (weekly.doubted, weekly.vain) == (None, -1)
