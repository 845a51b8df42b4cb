"""Starts and stops a whole deployment on one machine."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Self

from local import packaging
from local.bucket.bucket_server import BucketServer
from local.bucket.folder_mirror import Mirrored, mirror
from local.bucket.folder_survey import SourceFile, Survey, survey
from local.bucket.synced_names import synced_names
from local.firestore_emulator.emulator import FirestoreEmulator
from local.gemini.settings import Settings
from local.processes.children import Child, CouldNotRun, Processes
from local.processes.ports import HOST, free_ports, is_free, loopback
from local.stack import scheduler, task_queues
from local.stack.disk_space import DiskSpace
from local.stack.firestore import EXTERNAL, LocalFirestore, address, firestore
from local.stack.function_host import FUNCTIONS, Function, inherited, threads_for, unpack
from local.stack.options import GEMINI_KEY, Quota, StackOptions, enforced_per_minute
from local.stack.run_folder import RunFolder
from local.stack.scheduler import Scheduler
from local.stack.urls import StackUrls
from shared.gateways.ports import QueueName

if TYPE_CHECKING:
    from google.cloud import storage

BUCKET = "fss-local"
PROJECT = "demo-fss"
LOCATION = "local"

SERVICE = "K_SERVICE"
"""The environment variable by which a function knows that Cloud Run serves it."""

IMPORTED = (
    *(
        "aiohttp.web",
        "functions_framework",
        "functions_framework._http.gunicorn",
        "gunicorn.workers.gthread",
    ),
    *("google.cloud.firestore", "google.cloud.storage", "google.cloud.tasks_v2", "google.genai"),
)
"""What the parts import that takes long; it is imported once."""

logger = logging.getLogger(__name__)

_PORTS = (*FUNCTIONS, "cloud-storage", "cloud-tasks", "cloud-tasks-admin", "firestore", "gemini")


class LocalStack:
    """A running deployment, as a context. All its parts stop with it, even if it is killed.

    Args:
        options: What it is like.
        waits_for: Is told what the start waits for, each time that is something else.

    Raises:
        UnusableState: See `RunFolder`.
        StateInUse: See `RunFolder`.
    """

    def __init__(
        self, options: StackOptions, waits_for: Callable[[str], None] = lambda _: None
    ) -> None:
        self.options = options
        self._waits_for = waits_for
        self._folder = RunFolder(options.state, deployment=options.deployment, real=options.real)
        self._cleanup = contextlib.ExitStack()
        self._cleanup.callback(self._folder.close)
        # An emulator that was already running may hold the data of other runs.
        is_shared = EXTERNAL in os.environ and options.state is None
        self._project = f"{PROJECT}-{secrets.token_hex(4)}" if is_shared else PROJECT
        self._disk = DiskSpace(self._folder.root)
        self._watches_disk = options.state is not None
        self._watched: Processes | None = None
        self.functions: Mapping[str, Function] = {}
        self.firestore: LocalFirestore | FirestoreEmulator | None = None
        self._urls: StackUrls | None = None

    @property
    def urls(self) -> StackUrls:
        """The addresses of a started stack."""
        if self._urls is None:
            raise RuntimeError("the stack has not been started")
        return self._urls

    @property
    def logs(self) -> Path:
        """The folder with one log per part; it is deleted with the stack if there is no state."""
        return self._folder.logs

    def start(self) -> None:
        """Start all parts and return when they answer.

        Raises:
            CouldNotRun: A part could not be started; the others have been stopped.
        """
        with contextlib.ExitStack() as undo:
            undo.callback(self.stop)
            with self._disk.named_when_full():
                self._start()
            undo.pop_all()

    def mirror(self, source: Path) -> Mirrored:
        """Upload and delete objects until the bucket holds exactly the files of a folder.

        Raises:
            UnusableFolder: See `survey`.
            CouldNotRun: See `copy`.
        """
        return self.copy(surveyed(source, self.options).files)

    def copy(self, files: Iterable[SourceFile]) -> Mirrored:
        """Upload and delete objects until the bucket holds exactly these files.

        Raises:
            CouldNotRun: The files could not be copied.
        """
        with self._disk.named_when_full(), self.bucket() as bucket:
            return mirror(files, bucket)

    @contextlib.contextmanager
    def bucket(self) -> Iterator[storage.Bucket]:
        """Open the bucket with Google's client."""
        with contextlib.closing(self._storage.client(self.urls.project)) as client:
            yield client.bucket(BUCKET)

    def redeploy(self, packages: Mapping[str, Path]) -> datetime:
        """Serve other zips, and return when they answer; requests in progress may be lost.

        Args:
            packages: The zip of each function.

        Returns:
            When the last of the zips served before had stopped.

        Raises:
            CouldNotRun: A function does not start with its zip.
        """
        if self._watched is None:
            raise RuntimeError("the stack has not been started")
        self._stop_functions(self._watched)
        stopped_at = datetime.now(UTC)
        for name, function in self.functions.items():
            function.redeploy(packages[name])
        for function in self.functions.values():
            function.wait()
        return stopped_at

    @contextlib.contextmanager
    def as_on_cloud_run(self) -> Iterator[Mapping[str, str]]:
        """Serve each function once more, as Cloud Run would: it then asks who calls.

        Yields:
            The address of each function.
        """
        if self._watched is None:
            raise RuntimeError("the stack has not been started")
        settings = self._settings()
        ports = free_ports(len(self.functions))
        served = {
            name: Function(
                name,
                self._folder.functions / name,
                self._watched,
                port=port,
                settings={**settings[name], SERVICE: name},
                threads=1,
            )
            for name, port in zip(self.functions, ports, strict=True)
        }
        try:
            for function in served.values():
                function.wait()
            yield {name: function.url for name, function in served.items()}
        finally:
            self._watched.stop(*(each.child for each in served.values()), grace=3)

    def check(self) -> None:
        """Raise `CouldNotRun` if a part has stopped; log a line if the disk has become full."""
        if self._watches_disk:
            self._disk.check()
        if self._watched is not None:
            self._watched.check()

    def stop(self) -> None:
        """Stop all parts, first those that call others. Does nothing if nothing is running."""
        self._watched = None
        self._cleanup.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- starting, in order of dependency ---------------------------------------------------

    def _start(self) -> None:
        """Start what the functions call, then the functions, then what calls the functions.

        Where there are tasks of an earlier run, Cloud Tasks starts after the functions, because it
        dispatches these at once.
        """
        _bypass_proxies_for_loopback()
        folder = self._folder
        tasks_state = folder.kept("cloud-tasks.sqlite")
        moved = folder.choose_ports(_PORTS)
        is_continued = tasks_state is not None and tasks_state.exists()
        if tasks_state is not None and is_continued and moved:
            changed = task_queues.redirect(tasks_state, moved)
            ports = ", ".join(map(str, moved))
            logger.warning("other programs use the ports %s: %d tasks redirected", ports, changed)
        self._use_status_port()

        processes = self._cleanup.enter_context(Processes(folder.logs, IMPORTED, inherited()))
        self._waits_for(
            "the bucket and Firestore" if self.options.real else "the bucket, Firestore and Gemini"
        )
        with ThreadPoolExecutor() as pool:
            functions = [name for name in FUNCTIONS if name != "ask" or self.options.asks]
            folders = pool.submit(unpack, folder.functions, functions)
            pool.submit(_import_clients)  # while the parts import theirs
            database = pool.submit(
                firestore, self.options.firestore, folder, self._project, processes, self._cleanup
            )
            self._storage = self._bucket_server(processes)
            bucket = pool.submit(self._bucket)
            gemini = None if self.options.real else self._gemini(processes)
            # Nothing is dispatched before there are functions.
            tasks = None if is_continued else self._cloud_tasks(processes, tasks_state)
            gemini_url = None if gemini is None else str(gemini.announced()["url"])
            self.firestore = database.result()
            self._urls = self._addresses(address(self.firestore), gemini_url)
            bucket.result()

        ticker = Scheduler(
            self.urls.dispatcher,
            scheduler.INTERVAL / self.options.time_scale,
            lambda: self._watches_disk and self._disk.is_full,
        )
        self._cleanup.callback(ticker.join)
        self.functions = self._functions(processes, folders.result())
        self._cleanup.callback(self._stop_functions, processes)
        for name, function in self.functions.items():
            self._waits_for(f"the {name} function")
            function.wait()

        self._waits_for("Cloud Tasks")
        if tasks is None:
            tasks = self._cloud_tasks(processes, tasks_state)
        self._cleanup.callback(processes.stop, tasks)
        self._create_queues(tasks)
        ticker.start()
        self._cleanup.callback(ticker.stop)
        self._watched = processes

    def _use_status_port(self) -> None:
        wanted = self.options.status_port
        if wanted is not None and wanted != self._port("status"):
            if not is_free(wanted):
                raise CouldNotRun(f"port {wanted} on {HOST} is in use by another program")
            self._folder.record.ports["status"] = wanted

    def _port(self, part: str) -> int:
        return self._folder.record.ports[part]

    @property
    def _location(self) -> str:
        return f"projects/{self._project}/locations/{LOCATION}"

    def _bucket_server(self, processes: Processes) -> BucketServer:
        state = self._folder.kept("cloud-storage")
        return BucketServer(processes, port=self._port("cloud-storage"), state=state)

    def _bucket(self) -> None:
        with contextlib.closing(self._storage.client(self._project)) as client:
            self._storage.wait()
            if client.lookup_bucket(BUCKET) is None:
                client.create_bucket(BUCKET)

    def _gemini(self, processes: Processes) -> Child:
        options, defaults = self.options, Settings()
        argv = [sys.executable, "-m", "local.gemini", "--port", str(self._port("gemini"))]
        # Its own --time-scale would also shorten the minute of its quota.
        argv += ["--processing-seconds", str(defaults.processing_s / options.time_scale)]
        argv += ["--import-seconds", str(defaults.import_base_s / options.time_scale)]
        argv += ["--import-seconds-per-mb", str(defaults.import_per_mb_s / options.time_scale)]
        argv += ["--seed", str(options.seed)]
        if options.quota is Quota.EXACT:
            argv += ["--rpm-limit", str(enforced_per_minute(options.tier))]
        if options.faults is not None:
            argv += ["--faults", options.faults]
        if state := self._folder.kept("gemini.sqlite"):
            argv += ["--state", str(state)]
        return processes.start("gemini", argv, env=os.environ, cwd=packaging.ROOT)

    def _cloud_tasks(self, processes: Processes, state: Path | None) -> Child:
        argv = [sys.executable, "-m", "local.cloud_tasks", "--port", str(self._port("cloud-tasks"))]
        argv += ["--admin-port", str(self._port("cloud-tasks-admin"))]
        if state is not None:
            argv += ["--state", str(state)]
        return processes.start("cloud-tasks", argv, env=os.environ, cwd=packaging.ROOT)

    def _create_queues(self, tasks: Child) -> None:
        tasks.announced()
        with task_queues.connect(self.urls.cloud_tasks) as client:
            task_queues.create_queues(
                client, self._location, self.options.tier, self.options.time_scale
            )

    def _functions(self, processes: Processes, folders: Mapping[str, Path]) -> dict[str, Function]:
        settings = self._settings()
        rate = task_queues.rates(self.options.tier)
        steps = rate[QueueName.UPLOADS].concurrent + rate[QueueName.POLLS].concurrent
        return {
            name: Function(
                name,
                folders[name],
                processes,
                port=self._port(name),
                settings=settings[name],
                threads=threads_for(dispatches),
            )
            for name, dispatches in (
                ("dispatcher", rate[QueueName.CONTROL].concurrent),
                ("upload", steps),
                ("status", 0),
                ("ask", 0),
            )
            if name != "ask" or self.options.asks
        }

    def _stop_functions(self, processes: Processes) -> None:
        processes.stop(*(each.child for each in self.functions.values()), grace=3)

    def _settings(self) -> dict[str, dict[str, str]]:
        """Return the environment variables of each function."""
        urls, options = self.urls, self.options
        common = {
            "PROJECT_ID": urls.project,
            "BUCKET": urls.bucket,
            "DEPLOYMENT": self._folder.record.deployment,
            "TIER": options.tier.name,
            "TIME_SCALE": str(options.time_scale),
            "FIRESTORE_EMULATOR_HOST": urls.firestore,
        }
        ask = {
            **common,
            "GEMINI_API_KEY": os.environ[GEMINI_KEY] if options.real else "local",
            **({} if urls.gemini is None else {"GEMINI_BASE_URL": urls.gemini}),
        }
        sync = {
            **ask,
            "LOCATION": LOCATION,
            **{f"{name.upper()}_QUEUE": name.value for name in QueueName},
            "UPLOAD_URL": urls.upload,
            "DISPATCHER_URL": urls.dispatcher,
            "STATUS_URL": urls.status,
            "CLOUD_TASKS_EMULATOR_HOST": urls.cloud_tasks,
            "STORAGE_EMULATOR_HOST": urls.storage,
        }
        sync.update(options.settings)
        ask.update(options.settings)
        return {"dispatcher": sync, "upload": sync, "status": common, "ask": ask}

    def _addresses(self, firestore: str, gemini: str | None) -> StackUrls:
        def at(part: str) -> str:
            return loopback(self._port(part))

        return StackUrls(
            dispatcher=f"http://{at('dispatcher')}",
            upload=f"http://{at('upload')}",
            status=f"http://{at('status')}",
            ask=f"http://{at('ask')}" if self.options.asks else None,
            firestore=firestore,
            project=self._project,
            cloud_tasks=at("cloud-tasks"),
            cloud_tasks_admin=f"http://{at('cloud-tasks-admin')}",
            storage=self._storage.url,
            gemini=gemini,
            bucket=BUCKET,
            queues={name.value: f"{self._location}/queues/{name}" for name in QueueName},
        )


def surveyed(
    source: Path, options: StackOptions, prefix: str = "", *, follow_links: bool = False
) -> Survey:
    """Find the files of a folder for the bucket of a stack with these options.

    Only what a sync with this prefix takes has to be usable.

    Raises:
        UnusableFolder: See `survey`.
    """
    return survey(
        source,
        is_synced=synced_names(options.settings, prefix),
        follow_links=follow_links,
    )


def _import_clients() -> None:
    """Import what this process itself uses of Google's clients, before it needs them."""
    for client in ("google.cloud.storage", "google.cloud.tasks_v2"):
        import_module(client)


def _bypass_proxies_for_loopback() -> None:
    """Keep this process and its children from using a proxy for addresses on this machine."""
    for name in ("NO_PROXY", "no_proxy"):
        direct = [*filter(None, os.environ.get(name, "").split(",")), HOST, "localhost"]
        os.environ[name] = ",".join(dict.fromkeys(direct))
