"""The gate that every call of every port passes: here actors wait, crash and meet faults."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn, TypeVar, cast

from shared.domain.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    GatewayError,
    OutcomeUnknown,
    QuotaKind,
    SyncError,
    Throttled,
    Unavailable,
)
from shared.domain.file import known_documents
from shared.domain.file.record import FileRecord
from shared.domain.throttle import holds
from shared.gateways.ports import ImportOperation, RemoteFile, RemoteState
from shared.services.looks.group import LOOK_TIME
from tests.simulation.faults.faulty_ports import Call
from tests.simulation.faults.trouble import Fault
from tests.simulation.world.rules import FUNCTION_TIMEOUT
from tests.simulation.world.stage import Actor, Crashed
from tests.twins.at_once import Hangs
from tests.twins.imports import ImportFate

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation
    from tests.simulation.world.roles import Role

T = TypeVar("T")

BLAMELESS = (
    Fault.THROTTLED,
    Fault.QUOTA_GONE,
    Fault.ACCOUNT,
    Fault.BUCKET_REFUSES,
    Fault.SOURCE_BREAKS,
)
"""Faults that use up no attempt of any file."""


class FaultyGate:
    """One simulation's gate.

    Attributes:
        points: Scheduling points with faults so far.
        charges: By path, faults that may use up an attempt of the file.
        windows: Faults of the service in force, each with its end.
        broken: Names that can't be read or deleted, each with the time at which that ends.
    """

    def __init__(self, play: Simulation) -> None:
        self.points = 0
        self.charges: Counter[str] = Counter()
        self.windows: dict[Fault, datetime] = {}
        self.broken: dict[str, datetime] = {}
        self._tokens_to_expire = 3
        self._used_of_day: Counter[date] = Counter()
        self._failed_raw_files: set[str] = set()
        self._play = play
        self._chance = play.chance
        self._trouble = play.trouble

    def __call__(self, call: Call, effect: Callable[[], T]) -> T:
        """Let one call pass, or make it fail."""
        play = self._play
        actor = play.stage.current
        if actor is None:
            return self._make_in_peace(call, effect)
        actor.check()
        if call.name == "delete_document":
            play.invariants.deletion_sent(call.arguments[0])
        chance, now = self._chance, play.stage.now()
        fault: Fault | None = None
        if play.in_trouble:
            self.points += 1
            if chance.random() < self._trouble.switch:
                delay = chance.choice((0.0, 0.0, 0.0, 0.05, 0.4, 3.0))
                actor.wait(now + timedelta(seconds=delay))
            fault = self._drawn(call)
            if fault is Fault.PAUSE:
                seconds = chance.choice((20, 100, 170, 260, 400, 900))
                play.note(
                    actor.name, f"paused for {seconds} s before {call.port}.{call.name}", None
                )
                self._charge(call)
                actor.wait(now + timedelta(seconds=seconds))
                fault = None
        self._watchdog(actor)
        if not play.in_trouble:
            return self._make_in_peace(call, effect)
        if call.port == "gemini":
            fault = self._in_window(call) or fault
        if fault is not None:
            return self._fail(fault, call, effect)
        result = self._make(call, effect)
        if call.name in ("upload", "import_file") and self._turns_out(Fault.SLOW_REPLY):
            self._reply_late(actor)
        return result

    def _drawn(self, call: Call) -> Fault | None:
        """The fault of this call, or None."""
        if _has_token(call) and self._expires(0.3):
            return Fault.TOKEN_EXPIRED
        if self._chance.random() >= self._trouble.rate_of(call.port, call.name):
            return None
        role = self._play.role()
        looks = role is not None and role.kind == "look"
        possible = self._trouble.of_call(call.port, call.name, looks=looks)
        return self._chance.choice(possible) if possible else None

    def _expires(self, rate: float) -> bool:
        return Fault.TOKEN_EXPIRED in self._trouble.kinds and self._chance.random() < rate

    def _make_in_peace(self, call: Call, effect: Callable[[], T]) -> T:
        """Make a call; page tokens expire in peace, too, but only a few times."""
        if _has_token(call) and self._tokens_to_expire and self._expires(0.3):
            self._tokens_to_expire -= 1
            return self._fail(Fault.TOKEN_EXPIRED, call, effect)
        return self._make(call, effect)

    def begin_window(self, kind: Fault) -> None:
        """Begin a fault of the service that lasts for some time."""
        seconds = self._chance.choice((20, 90, 300))
        end = self._play.stage.now() + timedelta(seconds=seconds)
        self.windows[kind] = max(end, self.windows.get(kind, end))
        self._play.note("--", f"{kind} begins, {seconds} s", None)

    def end_windows(self) -> None:
        """End the faults of the service; a delivery refused before may blame its file for it."""
        if self._play.stage.now() < self.windows.get(Fault.ACCOUNT, self._play.stage.now()):
            for role in self._play.roles.values():
                self.charges.update(self._paths(role))
        self.windows.clear()

    def _reply_late(self, actor: Actor) -> None:
        """Delay the reply to a successful call, so that much may happen before it arrives."""
        chance, play = self._chance, self._play
        if Fault.RATE_LIMIT in self._trouble.kinds and chance.random() < 0.8:
            self.begin_window(Fault.RATE_LIMIT)  # a slow service often refuses next
        actor.wait(play.stage.now() + timedelta(seconds=chance.choice((10, 50, 90, 140))))
        self._watchdog(actor)

    def _watchdog(self, actor: Actor) -> None:
        """End an instance after its deadline; one that was frozen makes another call or two."""
        role = self._play.roles[actor]
        if self._play.stage.now() <= role.deadline:
            return
        if role.calls_left is None:
            role.calls_left = self._chance.choice((0, 1, 2))
        if role.calls_left == 0:
            self._charge()
            self._die(actor)
        role.calls_left -= 1

    def _die(self, actor: Actor) -> NoReturn:
        """End the instance, with all calls that it runs."""
        play, role = self._play, self._play.roles[actor]
        actor.doomed = True
        for other, its in play.roles.items():
            same = (its.function, its.instance) == (role.function, role.instance)
            if other is actor or not same or not role.instance:
                continue
            play.note(other.name, f"dies with {actor.name}", None)
            other.doomed, other.wake_at = True, play.stage.now()
            self.charges.update(self._paths(its))
        raise Crashed

    def _in_window(self, call: Call) -> Fault | None:
        now = self._play.stage.now()
        for kind, until in self.windows.items():
            if now >= until:
                continue
            if kind is Fault.ACCOUNT:
                if until - now < FUNCTION_TIMEOUT:
                    # If it ends before the store is read, the error counts against the file.
                    self._charge(call)
                return kind
            if kind is Fault.STORM and self._chance.random() < 0.8:
                return Fault.SERVER_ERROR
            metered = call.name in ("upload", "import_file")
            if kind is Fault.RATE_LIMIT and self._chance.random() < (0.8 if metered else 0.2):
                return Fault.THROTTLED
        return None

    def _charge(self, call: Call | None = None) -> None:
        """Count a fault that may use up an attempt of the actor's file.

        Of the poller's files it is the one that the call is about, or else each that waits.
        """
        role = self._play.role()
        if role is not None:
            self.charges.update(self._paths(role, call))

    def _paths(self, role: Role, call: Call | None = None) -> list[str]:
        """The files that a fault of this role's call may concern."""
        if role.kind != "look":
            return [role.path] if role.path else []
        records = [each for each in self._play.file_records() if each.schedule.look_at]
        name = str(call.arguments[0]) if call and call.port == "gemini" else ""
        named = [each.path for each in records if name in _names(each)]
        return named or [each.path for each in records]

    def troubles(self, path: str) -> int:
        """How many faults may have used up attempts of the file."""
        play = self._play
        count = self.charges[path] + play.library.edits[path]
        if play.raw_files_expire_soon or play.library.always_fails(path):
            count += play.rules.file.max_attempts
        return count

    def _fail(self, fault: Fault, call: Call, effect: Callable[[], T]) -> T:
        """Make the call fail with this fault."""
        play, who, name = self._play, self._play.who(), f"{call.port}.{call.name}"
        source_away = fault is Fault.UNAVAILABLE and call.port == "bucket"
        if fault not in BLAMELESS and not source_away:
            self._charge(call)
        match fault:
            case Fault.HANGS:
                play.note(who, f"{name} hangs", None)
                assert play.stage.current is not None
                play.stage.current.wait(play.stage.now() + LOOK_TIME)
                raise Hangs(name)
            case Fault.CRASH_BEFORE | Fault.CRASH_AFTER:
                if fault is Fault.CRASH_AFTER:
                    self._make(call, effect)
                play.note(who, f"{fault} {call.name}", None)
                actor = play.stage.current
                assert actor is not None
                self._die(actor)
            case Fault.LOST_REPLY:
                with suppress(SyncError):
                    self._make(call, effect)
                play.note(who, f"{fault} of {name}", None)
                raise (Unavailable if call.port == "queues" else OutcomeUnknown)(name)
            case Fault.LATE_EFFECT:
                delay = timedelta(seconds=self._chance.choice((5, 60, 250)))
                late = _detached(call, effect)
                play.note(who, f"{call.name} takes effect {delay} later", None)
                if call.name == "delete_document":
                    self._delete_late(call.arguments[0])
                role, now = play.role(), play.stage.now()
                in_time = role is not None and now <= role.deadline
                play.happen_in(delay, lambda: self._late(call, late, now if in_time else None))
                raise OutcomeUnknown(name)
            case _:
                play.note(who, call, fault)
                self._count_metered(call)
                raise self._error(fault, call)

    def _error(self, fault: Fault, call: Call) -> SyncError:
        """The error of a call that had no effect."""
        chance, name = self._chance, f"{call.port}.{call.name}"
        match fault:
            case Fault.CONFLICT:
                return Conflict("contention")
            case Fault.THROTTLED:
                wait = chance.choice((None, 5, 30, 120))
                hint = None if wait is None else timedelta(seconds=wait)
                return Throttled(name, retry_after=hint)
            case Fault.QUOTA_GONE:
                kind = chance.choice((QuotaKind.DAY, QuotaKind.STORAGE, QuotaKind.SPEND))
                return Throttled(name, quota=kind, retry_after=timedelta(seconds=5))
            case Fault.ACCOUNT | Fault.BUCKET_REFUSES:
                return Forbidden(name, code=403)
            case Fault.TOKEN_EXPIRED:
                return BadRequest(name, code=400, status="INVALID_ARGUMENT")
            case Fault.SOURCE_BREAKS:
                return Unavailable("bucket.read")
            case Fault.NOT_READY:
                return BadRequest(name, code=400, status="FAILED_PRECONDITION")
            case Fault.SERVER_ERROR if call.name == "import_file":
                return OutcomeUnknown(name, code=503)
            case Fault.SERVER_ERROR:
                return Unavailable(name, code=503)
            case _:
                return Unavailable(name)

    def _delete_late(self, document: str) -> None:
        """A deletion was sent and takes effect late; its object is often back before that."""
        play = self._play
        play.invariants.deleting(document)
        found = [each for each in play.own_documents() if each.name == document]
        if found and self._chance.random() < 0.7:
            play.library.put_back(str(found[0].metadata["path"]))

    def _late(self, call: Call, effect: Callable[[], object], called_at: datetime | None) -> None:
        """Let a call take effect; ``called_at`` is None if its caller had been given up by then."""
        with suppress(GatewayError):
            self._make(call, effect, counted=False)
            if called_at is not None and call.name == "import_file":
                self._play.invariants.landed(call, called_at)

    def _count_metered(self, call: Call) -> None:
        if call.name in ("upload", "import_file"):
            self._play.invariants.pace.metered(self._play.role(), call)

    def _make(self, call: Call, effect: Callable[[], T], *, counted: bool = True) -> T:
        """Make the call, while the invariants check it."""
        if counted:
            self._count_metered(call)
        try:
            if call.port == "gemini":
                self._refuse(call)
                self._decide_fate(call)
            result = self._play.invariants.watch(call, effect)
        except SyncError as error:
            self._play.note(self._play.who(), call, error)
            raise
        if call.name in ("upload", "import_file") and self._turns_out(Fault.BROKEN):
            self._break(call, cast("RemoteFile | ImportOperation", result).name)
        if call.name == "get_file" and call.arguments[0] in self._failed_raw_files:
            assert isinstance(result, RemoteFile)
            result = cast("T", replace(result, state=RemoteState.FAILED, error="virus"))
        self._play.note(self._play.who(), call, result)
        return result

    def _refuse(self, call: Call) -> None:
        """Refuse calls for a spent daily quota or a broken name, with and without faults."""
        play, name = self._play, f"gemini.{call.name}"
        until = self.broken.get(str(call.arguments[0])) if call.arguments else None
        if until is not None and play.stage.now() < until:
            raise Unavailable(name, code=500)
        rpd = play.rules.settings.tier.rpd
        if rpd is None or call.name not in ("upload", "import_file"):
            return
        day = holds.quota_day(play.stage.now())
        if self._used_of_day[day] >= rpd:
            raise Throttled(name, quota=QuotaKind.DAY)
        self._used_of_day[day] += 1

    # --- what becomes of uploads and imports ------------------------------------------------

    def _break(self, call: Call, name: str) -> None:
        """Let reads and deletions of the name fail for hours."""
        play, chance = self._play, self._chance
        if chance.random() < 0.5:
            name = name.replace("/operations/", "/documents/")
        self.broken[name] = play.stage.now() + timedelta(hours=chance.choice((1, 3)))
        play.note("--", f"{name} is broken until {self.broken[name]:%H:%M}", None)
        self.charges[_path(call)] += 1

    def _decide_fate(self, call: Call) -> None:
        if call.name == "upload":
            self._decide_upload(call)
        elif call.name == "import_file":
            self._decide_import(call)

    def _turns_out(self, fault: Fault) -> bool:
        return (
            self._play.in_trouble
            and fault in self._trouble.kinds
            and self._chance.random() < self._trouble.import_rate
        )

    def _decide_upload(self, call: Call) -> None:
        chance = self._chance
        seconds = chance.choice((0, 0, 1, 7)) if self._play.in_trouble else 0
        if self._turns_out(Fault.SLOW):
            seconds = chance.choice((20, 100, 300))
            self._charge()
        self._play.gemini.file_latency = timedelta(seconds=seconds)
        name = f"files/{call.arguments[0]}"
        self._failed_raw_files.discard(name)
        if self._turns_out(Fault.RAW_FAILS):
            self._failed_raw_files.add(name)
            self._charge()

    def _decide_import(self, call: Call) -> None:
        chance = self._chance
        seconds = chance.choice((0, 0, 1, 10)) if self._play.in_trouble else 0
        if self._turns_out(Fault.SLOW):
            seconds = chance.choice((20, 100, 250))
        self._play.gemini.import_latency = timedelta(seconds=seconds)
        fates = {
            Fault.OPERATION_HANGS: ImportFate(operation_hangs=True),
            Fault.OPERATION_FAILS: ImportFate(operation_fails=True),
            Fault.DOCUMENT_FAILS: ImportFate(document_fails=True),
            Fault.DOCUMENT_RECOVERS: ImportFate(
                document_fails=True, recovers_after=timedelta(seconds=chance.choice((10, 60, 100)))
            ),
        }
        fate = ImportFate()
        for kind, bad in fates.items():
            if self._turns_out(kind):
                fate = bad
                self._charge()
                break
        self._play.gemini.fates.clear()
        self._play.gemini.fates.append(self._play.library.fate_of(_path(call)) or fate)


def _has_token(call: Call) -> bool:
    """Whether the call asks for a page of a listing after the first one."""
    first = {"list_documents": 1, "list_stores": 0}.get(call.name)
    return first is not None and any(call.arguments[first:])


def _names(record: FileRecord) -> set[str | None]:
    """What Gemini calls the file's raw file, operation and documents."""
    operation = record.import_call.operation if record.import_call else None
    document = operation and operation.replace("/operations/", "/documents/")
    raw = record.raw_file.name if record.raw_file else None
    return {raw, operation, document, *known_documents.documents_to_remove(record)}


def _path(call: Call) -> str:
    """The path of the file that is uploaded or imported."""
    if call.name == "upload":
        return str(call.keywords["display_name"])
    return next(str(entry.value) for entry in call.arguments[2] if entry.key == "path")


def _detached(call: Call, effect: Callable[[], T]) -> Callable[[], T]:
    """The effect made independent of its caller: the content to send is read now."""
    if call.name != "upload":
        return effect
    file_id, content = call.arguments
    sent = io.BytesIO(content.read())
    return lambda: call.method(file_id, sent, **call.keywords)
