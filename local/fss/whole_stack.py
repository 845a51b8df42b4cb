"""Runs a whole deployment on this machine: for one sync, or until somebody stops it."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from local.bucket.folder_mirror import Mirrored
from local.bucket.folder_survey import Survey, UnusableFolder, shown
from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, Failure, Interrupted, Terminated
from local.fss.ended import report
from local.fss.output import Output
from local.fss.report.progress import Display
from local.fss.sync import request_of, watch
from local.printable import printable
from local.processes.children import CouldNotRun
from local.stack.local_stack import LocalStack, surveyed
from local.stack.options import FAST_TIER, GEMINI_KEY, FirestoreKind, Quota, StackOptions
from local.stack.run_folder import StateInUse, UnusableState
from local.stack.urls import StackUrls
from shared.domain.batch.kinds import BatchStatus
from shared.domain.throttle.tiers import Tier, load_tiers
from shared.gateways.gemini.connection import API_VERSION

if TYPE_CHECKING:
    from local.front.page_front import PageFront

LOOK_AGAIN = 0.5
"""Seconds between checks of the parts of a stack that is kept running."""

_OWNER_ALONE = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says of the stack; the options of `fss local` explain each."""

    source: Path
    tier: Tier | None
    path_template: str | None
    include: Sequence[str]
    exclude: Sequence[str]
    not_ignored: Sequence[str]
    follow_links: bool
    max_cost_per_day: float | None
    state: Path | None
    time_scale: float
    firestore: str
    real: bool
    quota: str
    seed: int
    faults: str | None
    port: int | None = None

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of what every command that runs a stack is told."""
        return tuple(each.name for each in fields(cls) if each.name != "port")


def local(asked: Asked, request: Mapping[str, Any], output: Output, *, keeps: bool) -> Exit:
    """Start a stack and sync the folder once, then stop.

    Args:
        asked: The stack.
        request: The options of the sync.
        output: Where the summary goes.
        keeps: Whether the stack stays up after the sync, until Ctrl-C.
    """
    with _stack(asked, output, str(request["prefix"] or ""), asks=keeps) as stack:
        deployment = _deployment(stack.urls)
        with _page(deployment, stack) if keeps else nullcontext() as front:
            if front is not None:
                output.note(f"The page: {front.address}")
            with output.display() as display:
                copied = _copy(stack, asked, display, str(request["prefix"] or ""))
                batch = _sync(stack, deployment, request_of(request), copied, display)
            end = report(deployment, batch, output)
            if front is not None:
                output.note(_directions(stack.urls, front.address))
                _stay_up(stack)
    return end


def up(asked: Asked, output: Output) -> Exit:
    """Start a stack with the folder in its bucket, print the addresses, and keep running."""
    with _stack(asked, output, asks=True) as stack:
        with output.display() as display:
            _copy(stack, asked, display)
        with _page(_deployment(stack.urls), stack) as front:
            addresses = {**asdict(stack.urls), "page": front.address}
            output.answer(addresses, _directions(stack.urls, front.address))
            _stay_up(stack)
    return Exit.IN_STEP


@contextmanager
def _stack(asked: Asked, output: Output, prefix: str = "", *, asks: bool) -> Iterator[LocalStack]:
    """Run a stack for the block; raise `Failure` if it can't run."""
    options = replace(_options(asked), asks=asks)
    usual = os.umask(_OWNER_ALONE)  # for every file that the parts of the stack make
    try:
        _refuse_nothing(_survey(asked, options, prefix), asked, prefix)
        with output.display() as display, ExitStack() as running:
            stack = LocalStack(options, display.wait_for)
            if not asked.real:
                display.say(_of_simulator(options))
            began = time.monotonic()
            running.enter_context(stack)
            display.say(f"Started in {time.monotonic() - began:.1f} s.")
            started = running.pop_all()
        with started:
            yield stack
    except (UnusableFolder, UnusableState) as error:
        raise Failure(Exit.USAGE, str(error)) from error
    except StateInUse as error:
        raise Failure(Exit.REFUSED, str(error)) from error
    except KeyboardInterrupt as stop:
        kind = Terminated if isinstance(stop, Terminated) else Interrupted
        raise kind(
            f"Interrupted; everything has been stopped. To continue, use --state {asked.state}."
            if asked.state
            else "Interrupted; everything has been stopped. Nothing is kept; with --state DIR, a "
            "later run would continue from here."
        ) from None
    except CouldNotRun as error:
        raise Failure(Exit.COULD_NOT_RUN, str(error)) from error
    finally:
        os.umask(usual)


def _options(asked: Asked) -> StackOptions:
    source, state = asked.source.resolve(), asked.state and asked.state.resolve()
    if state is not None and state.is_relative_to(source):
        raise Failure(Exit.USAGE, f"--state {state} is inside {source}, so it would be synced too")
    if asked.real and not os.environ.get(GEMINI_KEY):
        raise Failure(Exit.USAGE, f"--real needs an API key in {GEMINI_KEY}")
    bound = asked.max_cost_per_day
    settings = {
        "PATH_TEMPLATE": asked.path_template or "",
        "INCLUDE": ",".join(asked.include),
        "EXCLUDE": ",".join(asked.exclude),
        "NOT_IGNORED": ",".join(asked.not_ignored),
        "MAX_COST_PER_DAY": "" if bound is None else repr(bound),
    }
    options = StackOptions(
        tier=asked.tier or _tier(real=asked.real),
        time_scale=asked.time_scale,
        state=state,
        quota=Quota(asked.quota),
        seed=asked.seed,
        faults=asked.faults,
        real=asked.real,
        firestore=FirestoreKind(asked.firestore),
        status_port=asked.port,
        settings={name: value for name, value in settings.items() if value},
    )
    return replace(options, deployment=_store_of(source)) if asked.real else options


def _tier(*, real: bool) -> Tier:
    """The tier if none is given: a fast one of the simulator; only a person knows the real one."""
    tiers = load_tiers()
    if not real:
        return tiers[FAST_TIER]
    names = ", ".join(tiers)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Failure(
            Exit.USAGE, f"--real needs --tier, the quota tier of the key's project: one of {names}"
        )
    question = "Quota tier of the key's project (AI Studio shows it)"
    return tiers[click.prompt(question, type=click.Choice(list(tiers)), err=True)]


def _of_simulator(options: StackOptions) -> str:
    tier, off = options.tier, options.quota is Quota.OFF
    rate = "no quota" if off else f"{tier.rpm} metered requests a minute"
    return f"Gemini is a simulator: {tier.name}, {rate} (--tier)."


def _store_of(source: Path) -> str:
    """Return a deployment name unique to the folder, so that each folder has its own store."""
    slug = re.sub(r"[^a-z0-9]+", "-", source.name.lower()).strip("-")[:30] or "folder"
    return f"local-{slug}-{hashlib.sha256(os.fsencode(source)).hexdigest()[:8]}"


def _copy(stack: LocalStack, asked: Asked, display: Display, prefix: str = "") -> Mirrored:
    found = _survey(asked, stack.options, prefix)
    copied = stack.copy(found.files)
    display.say(
        f"Bucket {stack.urls.bucket}: {copied.uploaded} files copied, {copied.deleted} deleted, "
        f"{copied.unchanged} unchanged."
    )
    if found.links_out:
        display.say(
            f"Left out, because they lead out of the folder (--follow-links takes them): "
            f"{len(found.links_out)} links\n  {shown(list(map(printable, found.links_out)))}"
        )
    return copied


def _survey(asked: Asked, options: StackOptions, prefix: str) -> Survey:
    return surveyed(asked.source, options, prefix, follow_links=asked.follow_links)


def _refuse_nothing(found: Survey, asked: Asked, prefix: str) -> None:
    """Refuse a prefix that no file has; a state may hold files of it that are gone."""
    if asked.state is None and not any(each.name.startswith(prefix) for each in found.files):
        raise Failure(
            Exit.USAGE, f"{asked.source} has no file whose name begins with {printable(prefix)!r}"
        )


def _sync(
    stack: LocalStack,
    deployment: Deployment,
    request: Mapping[str, object],
    copied: Mirrored,
    display: Display,
) -> dict[str, Any]:
    """Sync, after finishing the batch that an earlier run with this state began."""
    try:
        started = deployment.start(request)
    except Failure as refused:
        earlier = refused.details.get("batch_id")
        if not isinstance(earlier, str):
            raise
        display.say(f"Continuing batch {printable(earlier)} of an earlier run.")
        if deployment.batch(earlier)["status"] == BatchStatus.PAUSED:
            deployment.order(earlier, "resume")
        batch = watch(deployment, earlier, display, stack.check)
        has_all = not (copied.uploaded or copied.deleted) and request == {"mode": "incremental"}
        if has_all and batch["status"] == BatchStatus.COMPLETED:
            return batch
        started = deployment.start(request)
    return watch(deployment, started["batch_id"], display, stack.check)


def _stay_up(stack: LocalStack) -> None:
    """Wait until a signal arrives or a part stops; both raise an exception."""
    while True:
        stack.check()
        time.sleep(LOOK_AGAIN)


def _deployment(urls: StackUrls) -> Deployment:
    return Deployment(urls.dispatcher, urls.status, ask=urls.ask)


def _page(deployment: Deployment, stack: LocalStack) -> PageFront:
    """The page of the stack, on one origin with all that it needs."""
    from local.front.page_front import PageFront  # noqa: PLC0415 - takes long
    from local.fss.deployment.page_source import ask_of, source_of  # noqa: PLC0415 - as above

    return PageFront(source_of(deployment), of=stack.urls.status, ask=ask_of(deployment))


def _directions(urls: StackUrls, page: str) -> str:
    """Return the address of each part, and how its official client connects to it."""
    grpc = f'CloudTasksGrpcTransport(channel=grpc.insecure_channel("{urls.cloud_tasks}"))'
    hints = {
        "dispatcher": f"curl -X POST -d '{{}}' {urls.dispatcher}/sync",
        "upload": "called by the queues uploads and polls",
        "status": "request /batches, /files?path=..., /breaker",
        "ask": "fss ask QUESTION, or POST /ask",
        "firestore": f'FIRESTORE_EMULATOR_HOST={urls.firestore}, then '
        f'firestore.Client(project="{urls.project}")',
        "cloud_tasks": f"CloudTasksClient(transport={grpc})",
        "cloud_tasks_admin": "/queues, /dispatches",
        "storage": f'STORAGE_EMULATOR_HOST={urls.storage}, then '
        f'storage.Client(project="{urls.project}").bucket("{urls.bucket}")',
        "gemini": f'genai.Client(api_key="local", http_options={{"base_url": "{urls.gemini}", '
        f'"api_version": "{API_VERSION}"}})',
    }  # fmt: skip
    lines = [f"{'page':<18} {page}", f"{'':<18}   open it in a browser"]
    lines += [
        f"{name:<18} {getattr(urls, name)}\n{'':<18}   {hint}" for name, hint in hints.items()
    ]
    lines += [f"{'queue ' + name:<18} {path}" for name, path in urls.queues.items()]
    lines += [
        "",
        f"export FSS_DISPATCHER_URL={urls.dispatcher} FSS_STATUS_URL={urls.status}",
        f"export FSS_ASK_URL={urls.ask}",
        "fss sync --watch",
        "",
        "Ctrl-C stops everything.",
    ]
    return "\n".join(lines)
