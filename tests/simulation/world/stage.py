"""Actors on one virtual clock: threads that pass a baton, so that only one runs at a time.

An actor runs until it waits; then the director decides which one continues. The same decisions give
the same run, down to each write.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""When a simulation begins; any fixed time would do."""


class Crashed(BaseException):
    """The instance that ran this actor died; the code under test must not catch this."""


class Actor:
    """One delivery, one call of Cloud Scheduler, or one request of a person.

    Attributes:
        name: For traces; unique within a run.
        started_at: When it was started.
        wake_at: When it wants to continue.
        doomed: Whether it dies when it continues.
        finished: Whether it has ended.
        crashed: Whether it died.
        error: The error that it raised, if any.
        player: The thread that runs it, from its first turn to its end.
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
        """Raise ``Crashed`` if the actor is doomed."""
        if self.doomed:
            raise Crashed

    def act(self) -> None:
        """Run the actor to its end, in the player's thread."""
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
    """A thread that runs one actor after another, only while it has the baton."""

    def __init__(self) -> None:
        self._part: Actor | None = None
        self._turn = _taken()
        self._handed_back = _taken()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def play(self, actor: Actor) -> None:
        """Let an actor begin or continue until it waits or ends; called by the director."""
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
    """A lock that is taken: one thread waits for it, and another releases it."""
    place = threading.Lock()
    place.acquire()
    return place


class Stage:
    """The clock and the actors on it. Serves as the services' ``Clock``.

    Attributes:
        current: The actor that has the baton; None while the director has it.
        actors: The actors that have not ended, in the order of their start.
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
        """Let the actor wait; outside of actors, advance the clock."""
        until = self._now + timedelta(seconds=seconds)
        if self.current is None:
            self.advance_to(until)
        else:
            self.current.wait(until)

    # --- directing --------------------------------------------------------------------------

    def advance_to(self, at: datetime) -> None:
        """Advance the clock; it never goes back."""
        self._now = max(self._now, at)

    def spawn(self, kind: str, work: Callable[[], object]) -> Actor:
        """Start an actor; it runs once it is resumed."""
        self._names += 1
        actor = Actor(f"{kind}#{self._names}", work, self._now)
        self.actors.append(actor)
        return actor

    def resume(self, actor: Actor) -> None:
        """Let one actor continue until it waits or ends."""
        if actor.player is None:
            actor.player = self._idle.pop() if self._idle else Player()
        self.current = actor
        actor.player.play(actor)
        self.current = None
        if actor.finished:
            self.actors.remove(actor)
            self._idle.append(actor.player)

    def clear(self) -> None:
        """Let every actor die, and end the threads."""
        while self.actors:
            self.actors[0].doomed = True
            self.resume(self.actors[0])
        while self._idle:
            self._idle.pop().dismiss()
