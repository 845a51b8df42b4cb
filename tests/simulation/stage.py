"""Actors on one virtual clock: threads that hand a single baton round, so that one runs at a time.

Nothing here is concurrent. An actor runs until it waits; then whoever directs the stage decides
who goes on. The same decisions give the same run, to the last write.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""When a simulation begins; any fixed time would do."""


class Crashed(BaseException):
    """The instance that ran this actor is gone; nothing in it may catch this."""


class Actor:
    """One run of something: a delivery, a tick, a request of a person.

    Attributes:
        name: For traces; unique within a run.
        started_at: When it came on stage.
        wake_at: When it wants to go on.
        doomed: Whether it dies as soon as it is to go on.
        finished: Whether it will never go on.
        crashed: Whether it ended by dying.
        error: What it raised, if it did.
        player: The thread that plays it, from its first turn to its end.
    """

    def __init__(self, name: str, work: Callable[[], object], now: datetime) -> None:
        self.name = name
        self.started_at = now
        self.wake_at = now
        self.doomed = False
        self.finished = False
        self.crashed = False
        self.error: BaseException | None = None
        self.player: Player | None = None
        self._work = work

    def wait(self, until: datetime) -> None:
        """Hand the baton back until ``until``; called by the actor itself."""
        assert self.player is not None
        self.wake_at = until
        self.player.hand_back()
        self.check()

    def check(self) -> None:
        """Die here, if doomed. Raises ``Crashed``."""
        if self.doomed:
            raise Crashed

    def act(self) -> None:
        """The whole of it, in the player's thread."""
        try:
            self.check()
            self._work()
        except Crashed:
            self.crashed = True
        except BaseException as error:  # noqa: BLE001 - the director decides what it means
            self.error = error
        finally:
            self.finished = True


class Player:
    """A thread that plays one actor after another, and only while it has the baton."""

    def __init__(self) -> None:
        self._part: Actor | None = None
        self._turn = _taken()
        self._handed_back = _taken()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def play(self, actor: Actor) -> None:
        """Let an actor begin or go on, until it waits or ends; called by the director."""
        self._part = actor
        self._turn.release()
        self._handed_back.acquire()

    def hand_back(self) -> None:
        """Wait for another turn; called by the actor."""
        self._handed_back.release()
        self._turn.acquire()

    def dismiss(self) -> None:
        """End the thread; called by the director, when no actor is being played."""
        self._part = None
        self._turn.release()
        self._thread.join()

    def _play(self) -> None:
        self._turn.acquire()
        while self._part is not None:
            self._part.act()
            self.hand_back()


def _taken() -> threading.Lock:
    """A baton's place, empty: one thread waits at it, another puts the baton there."""
    place = threading.Lock()
    place.acquire()
    return place


class Stage:
    """The clock and the actors on it. Serves as the services' ``Clock``.

    Attributes:
        current: Who holds the baton; None while the director does.
        actors: All that have not finished, in the order they came.
    """

    def __init__(self) -> None:
        self.current: Actor | None = None
        self.actors: list[Actor] = []
        self._idle: list[Player] = []
        self._now = START
        self._names = 0

    # --- Clock ------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        """An actor waits; outside of actors the time just passes."""
        until = self._now + timedelta(seconds=seconds)
        if self.current is None:
            self.advance_to(until)
        else:
            self.current.wait(until)

    # --- directing --------------------------------------------------------------------------

    def advance_to(self, at: datetime) -> None:
        """Let the time pass; it never goes back."""
        self._now = max(self._now, at)

    def spawn(self, kind: str, work: Callable[[], object]) -> Actor:
        """Bring an actor on stage; it runs when it is resumed."""
        self._names += 1
        actor = Actor(f"{kind}#{self._names}", work, self._now)
        self.actors.append(actor)
        return actor

    def resume(self, actor: Actor) -> None:
        """Let one actor go on until it waits or ends."""
        if actor.player is None:
            actor.player = self._idle.pop() if self._idle else Player()
        self.current = actor
        actor.player.play(actor)
        self.current = None
        if actor.finished:
            self.actors.remove(actor)
            self._idle.append(actor.player)

    def clear(self) -> None:
        """Let every actor die where it stands, and send the players home."""
        while self.actors:
            self.actors[0].doomed = True
            self.resume(self.actors[0])
        while self._idle:
            self._idle.pop().dismiss()
