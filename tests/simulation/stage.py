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
        result: What it returned.
    """

    def __init__(self, name: str, work: Callable[[], object], now: datetime) -> None:
        self.name = name
        self.started_at = now
        self.wake_at = now
        self.doomed = False
        self.finished = False
        self.crashed = False
        self.error: BaseException | None = None
        self.result: object = None
        self._work = work
        self._turn = threading.Semaphore(0)
        self._handed_back = threading.Semaphore(0)
        self._thread: threading.Thread | None = None

    def resume(self) -> None:
        """Let it run until it waits or ends; called by the director."""
        if self._thread is None:
            if self.doomed:
                self.finished = self.crashed = True
                return
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()
        else:
            self._turn.release()
        self._handed_back.acquire()
        if self.finished:
            self._thread.join()

    def wait(self, until: datetime) -> None:
        """Hand the baton back until ``until``; called by the actor itself."""
        self.wake_at = until
        self._handed_back.release()
        self._turn.acquire()
        self.check()

    def check(self) -> None:
        """Die here, if doomed. Raises ``Crashed``."""
        if self.doomed:
            raise Crashed

    def _run(self) -> None:
        try:
            self.result = self._work()
        except Crashed:
            self.crashed = True
        except BaseException as error:  # noqa: BLE001 - the director decides what it means
            self.error = error
        finally:
            self.finished = True
            self._handed_back.release()


class Stage:
    """The clock and the actors on it. Serves as the services' ``Clock``.

    Attributes:
        current: Who holds the baton; None while the director does.
        actors: All that have not finished, in the order they came.
    """

    def __init__(self) -> None:
        self.current: Actor | None = None
        self.actors: list[Actor] = []
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
        self.current = actor
        try:
            actor.resume()
        finally:
            self.current = None
        if actor.finished:
            self.actors.remove(actor)

    def clear(self) -> None:
        """Let every actor die where it stands."""
        while self.actors:
            self.actors[0].doomed = True
            self.resume(self.actors[0])
