"""The subcommands that run a whole deployment on this machine: `local` and `up`."""

from __future__ import annotations

import hashlib
import os
import re
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from local.bucket.folder_mirror import Mirrored
from local.bucket.folder_survey import Survey, UnusableFolder, shown
from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, Failure
from local.fss.output import Output
from local.fss.remote import report
from local.fss.report.progress import Display
from local.fss.sync import request_of, watch
from local.printable import printable
from local.processes.children import CouldNotRun
from local.stack.local_stack import LocalStack, surveyed
from local.stack.options import GEMINI_KEY, StackOptions
from local.stack.run_folder import StateInUse, UnusableState
from local.stack.urls import StackUrls
from shared.domain.batch.batch import BatchStatus
from shared.gateways.gemini.connection import API_VERSION

LOOK_AGAIN = 0.5
"""Seconds between checks of the parts of a stack that is kept running."""

_OWNER_ALONE = 0o077


def local(arguments: Namespace, output: Output) -> Exit:
    """Start a stack and sync the folder once, then stop; with --keep, stop on Ctrl-C."""
    with _stack(arguments, output) as stack:
        deployment = Deployment(stack.urls.dispatcher, stack.urls.status)
        with output.display() as display:
            copied = _copy(stack, arguments, display)
            batch = _sync(stack, deployment, arguments, copied, display)
        end = report(deployment, batch, output)
        if arguments.keep:
            output.note(_directions(stack.urls))
            _stay_up(stack)
    return end


def up(arguments: Namespace, output: Output) -> Exit:
    """Start a stack with the folder in its bucket, print the addresses, and keep running."""
    with _stack(arguments, output) as stack:
        with output.display() as display:
            _copy(stack, arguments, display)
        output.answer(asdict(stack.urls), _directions(stack.urls))
        _stay_up(stack)
    return Exit.IN_STEP


@contextmanager
def _stack(arguments: Namespace, output: Output) -> Iterator[LocalStack]:
    """Run a stack for the block; raise `Failure` if it can't run."""
    options = _options(arguments)
    usual = os.umask(_OWNER_ALONE)  # for every file that the parts of the stack make
    try:
        _survey(arguments, options)
        stack = LocalStack(options)
        output.note("Starting the local stack ...")
        began = time.monotonic()
        with stack:
            output.note(f"Started in {time.monotonic() - began:.1f} s.")
            yield stack
    except (UnusableFolder, UnusableState) as error:
        raise Failure(Exit.USAGE, str(error)) from error
    except StateInUse as error:
        raise Failure(Exit.REFUSED, str(error)) from error
    except CouldNotRun as error:
        raise Failure(Exit.COULD_NOT_RUN, str(error)) from error
    finally:
        os.umask(usual)


def _options(arguments: Namespace) -> StackOptions:
    source, state = arguments.source.resolve(), arguments.state and arguments.state.resolve()
    if state is not None and state.is_relative_to(source):
        raise Failure(Exit.USAGE, f"--state {state} is inside {source}, so it would be synced too")
    if arguments.real and not os.environ.get(GEMINI_KEY):
        raise Failure(Exit.USAGE, f"--real needs an API key in {GEMINI_KEY}")
    settings = {
        "PATH_TEMPLATE": arguments.path_template or "",
        "INCLUDE": ",".join(arguments.include),
        "EXCLUDE": ",".join(arguments.exclude),
        "NOT_IGNORED": ",".join(arguments.not_ignored),
        "MAX_COST_PER_DAY": arguments.max_cost_per_day or "",
    }
    options = StackOptions(
        tier=arguments.tier,
        time_scale=arguments.time_scale,
        state=state,
        quota=arguments.quota,
        seed=arguments.seed,
        faults=arguments.faults,
        real=arguments.real,
        firestore=arguments.firestore,
        status_port=getattr(arguments, "port", None),
        settings={name: value for name, value in settings.items() if value},
    )
    return replace(options, deployment=_store_of(source)) if arguments.real else options


def _store_of(source: Path) -> str:
    """Return a deployment name unique to the folder, so that each folder has its own store."""
    slug = re.sub(r"[^a-z0-9]+", "-", source.name.lower()).strip("-")[:30] or "folder"
    return f"local-{slug}-{hashlib.sha256(os.fsencode(source)).hexdigest()[:8]}"


def _copy(stack: LocalStack, arguments: Namespace, display: Display) -> Mirrored:
    found = _survey(arguments, stack.options)
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


def _survey(arguments: Namespace, options: StackOptions) -> Survey:
    """Find the files; `up` has no prefix."""
    prefix = getattr(arguments, "prefix", "")
    return surveyed(arguments.source, options, prefix, follow_links=arguments.follow_links)


def _sync(
    stack: LocalStack,
    deployment: Deployment,
    arguments: Namespace,
    copied: Mirrored,
    display: Display,
) -> dict[str, Any]:
    """Sync, after finishing the batch that an earlier run with this state began."""
    request = request_of(arguments)
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


def _directions(urls: StackUrls) -> str:
    """Return the address of each part, and how its official client connects to it."""
    grpc = f'CloudTasksGrpcTransport(channel=grpc.insecure_channel("{urls.cloud_tasks}"))'
    hints = {
        "dispatcher": f"curl -X POST -d '{{}}' {urls.dispatcher}/sync",
        "upload": "called by the queues uploads and polls",
        "status": "open it in a browser, or request /batches, /files?path=..., /breaker",
        "firestore": f'FIRESTORE_EMULATOR_HOST={urls.firestore}, then '
        f'firestore.Client(project="{urls.project}")',
        "cloud_tasks": f"CloudTasksClient(transport={grpc})",
        "cloud_tasks_admin": "/queues, /dispatches",
        "storage": f'STORAGE_EMULATOR_HOST={urls.storage}, then '
        f'storage.Client(project="{urls.project}").bucket("{urls.bucket}")',
        "gemini": f'genai.Client(api_key="local", http_options={{"base_url": "{urls.gemini}", '
        f'"api_version": "{API_VERSION}"}})',
    }  # fmt: skip
    lines = [f"{name:<18} {getattr(urls, name)}\n{'':<18}   {hint}" for name, hint in hints.items()]
    lines += [f"{'queue ' + name:<18} {path}" for name, path in urls.queues.items()]
    lines += [
        "",
        f"export FSS_DISPATCHER_URL={urls.dispatcher} FSS_STATUS_URL={urls.status}",
        "fss sync --watch",
        "",
        "Ctrl-C stops everything.",
    ]
    return "\n".join(lines)
