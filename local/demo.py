"""`python -m local.demo`: syncs the sample library three times, asks it, and checks each figure."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from google import genai
from google.genai import types

from local.bucket.folder_survey import UnusableFolder
from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, Failure
from local.fss.report.answer import answer_text
from local.fss.report.progress import Display, display
from local.fss.report.summary import complete_summary, summary_text
from local.fss.sync import watch
from local.packaging import ROOT
from local.printable import printable, printable_lines
from local.processes.children import CouldNotRun
from local.stack.local_stack import LocalStack
from local.stack.options import StackOptions
from shared.domain.metadata.metadata import DEFAULT_EXPECTED_FIELDS
from shared.domain.throttle.tiers import tier_named
from shared.gateways.gemini.connection import API_VERSION

LIBRARY = ROOT / "samples" / "library"
TEMPLATE = "{category}/{course}/{year:int}/week-{week:int} {title}"

CHANGED = "crafts/Sail mending.rst"
ADDED = "crafts/Rope care.md"
REMOVED = "humanities/history/2024/week-12 La ligue hanséatique.html"
RETAGGED = "natural-science/chemistry/2025/week-7 Kinetics.md"

SHOWN = (RETAGGED, ADDED)

QUESTIONS = (
    ("How is a tear in a sail stitched?", CHANGED),
    ("Which picture shows a lighthouse with red and white stripes?", "crafts/Lighthouse.png"),
)
"""Questions, each with the file that answers it."""

METERED_PER_FILE = 2
"""One upload and one import."""

_CHANGES = ("new", "changed", "metadata_changed", "removed", "unchanged")


class WrongFigure(Exception):
    """The demonstration went wrong; the message names each wrong figure."""


class Demo:
    """Three syncs on one stack.

    Args:
        stack: A started stack.
        folder: A copy of the library; the demonstration changes it.
        shown: The display of progress.
    """

    def __init__(self, stack: LocalStack, folder: Path, shown: Display) -> None:
        self._stack = stack
        self._folder = folder
        self._display = shown
        urls = stack.urls
        self._deployment = Deployment(urls.dispatcher, urls.status, ask=urls.ask)

    def run(self) -> None:
        """Sync three times, and ask.

        Raises:
            WrongFigure: A sync did not do what it should.
        """
        self._title("1. Everything is new")
        first = self._sync()
        files = first["new"]
        _expect(first, {"new": files, "skipped": first["scanned"] - files})
        if not files:
            raise WrongFigure(f"no document was found in {LIBRARY}")

        self._title("2. Nothing has changed, so no request is sent to the service")
        _expect(self._sync(), {"unchanged": files})

        self._title("3. One file changed, one added, one removed, one with new metadata")
        self._edit()
        third = self._sync()
        one_each = {"changed": 1, "new": 1, "removed": 1, "metadata_changed": 1}
        _expect(third, {**one_each, "unchanged": files - 3})

        documents = self._documents()
        if len(documents) != files:  # one was added, one was removed
            raise WrongFigure(f"the store holds {len(documents)} documents, not {files}")
        self._title("Two of the documents in the store")
        for path in SHOWN:
            self._show(path, documents)

        self._title("Two questions to the store, whose embedding model takes pictures")
        for question, path in QUESTIONS:
            self._ask(question, path)

    def _sync(self) -> dict[str, Any]:
        began = time.monotonic()
        self._stack.mirror(self._folder)
        started = self._deployment.start({})
        batch = watch(self._deployment, started["batch_id"], self._display, self._stack.check)
        summary = complete_summary(self._deployment, batch)
        news = summary if summary["new"] else {**summary, "skips": ()}
        self._display.say(f"{summary_text(news)}\n({time.monotonic() - began:.1f} s)")
        return summary

    def _ask(self, question: str, path: str) -> None:
        told = self._deployment.ask({"question": question})
        self._display.say(f"{question}\n\n{answer_text(told)}\n")
        if [source["path"] for source in told["sources"]] != [path]:
            raise WrongFigure(f"{question!r} is not answered from {path} alone")

    def _edit(self) -> None:
        with (self._folder / CHANGED).open("a", encoding="utf-8") as changed:
            changed.write("\nA sail mended in time lasts another winter.\n")
        (self._folder / ADDED).write_text("# Rope care\n\nRinse the salt out.\n", encoding="utf-8")
        (self._folder / REMOVED).unlink()
        sidecar = self._folder / f"{RETAGGED}.meta.json"
        metadata = json.loads(sidecar.read_text(encoding="utf-8"))
        sidecar.write_text(json.dumps({**metadata, "difficulty": "advanced"}), encoding="utf-8")
        for sign, path in (("~", CHANGED), ("+", ADDED), ("-", REMOVED)):
            self._display.say(f"  {sign} {path}")
        self._display.say(f"  ~ {RETAGGED}.meta.json")

    def _documents(self) -> dict[str, types.Document]:
        """Return the documents of the only store by path, as listed by Google's own client."""
        found = {}
        options = types.HttpOptions(base_url=self._stack.urls.gemini, api_version=API_VERSION)
        client = genai.Client(api_key="local", http_options=options)
        try:
            (store,) = client.file_search_stores.list()
            for document in client.file_search_stores.documents.list(parent=store.name or ""):
                found[str(_metadata(document).get("path", document.display_name))] = document
        finally:
            client.close()
        return found

    def _show(self, path: str, documents: Mapping[str, types.Document]) -> None:
        if path not in documents:
            raise WrongFigure(f"the store has no document for {path}")
        document = documents[path]
        self._display.say(f"{path}\n  {document.name}\n  {document.state and document.state.name}")
        for key, value in sorted(_metadata(document).items()):
            self._display.say(printable(f"    {key:<16} {value}"))

    def _title(self, text: str) -> None:
        self._display.say(f"\n{text}\n{'-' * len(text)}")


def _metadata(document: types.Document) -> dict[str, object]:
    """Return a document's metadata as plain values."""
    found: dict[str, object] = {}
    for entry in document.custom_metadata or ():
        several = entry.string_list_value and ", ".join(entry.string_list_value.values or ())
        value = entry.string_value if entry.numeric_value is None else f"{entry.numeric_value:g}"
        found[str(entry.key)] = several or value
    return found


def _expect(summary: Mapping[str, Any], found: Mapping[str, int]) -> None:
    """Check what a sync found, and that it did exactly the work this required."""
    expected: dict[str, object] = {**dict.fromkeys(_CHANGES, 0), **found}
    imports = sum(found.get(name, 0) for name in ("new", "changed", "metadata_changed"))
    expected |= {"status": "completed", "failed": 0, "indexed": imports}
    expected["deleted"] = found.get("removed", 0)
    actual = {**summary, **summary["requests"]}
    expected |= {"metered": METERED_PER_FILE * imports, "throttled": 0}
    wrong = [
        f"{name} is {actual[name]} but should be {value}"
        for name, value in expected.items()
        if actual[name] != value
    ]
    if wrong:
        raise WrongFigure("; ".join(wrong))


def main() -> int:
    """Run the demonstration; returns the exit code."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fss-demo-") as scratch:
        folder = Path(shutil.copytree(LIBRARY, Path(scratch) / "library"))
        settings = {
            "PATH_TEMPLATE": TEMPLATE,
            "EXPECTED_FIELDS": ",".join(DEFAULT_EXPECTED_FIELDS),
            "EMBEDDING_MODEL": "models/gemini-embedding-2",
        }
        options = StackOptions(tier=tier_named("tier3"), asks=True, settings=settings)
        return _exit_code_of(lambda: _run(options, folder, began))


def _run(options: StackOptions, folder: Path, began: float) -> None:
    with display(sys.stdout) as shown:
        shown.say("Starting Firestore, Cloud Tasks, Cloud Storage, Gemini and the functions ...")
        with LocalStack(options) as stack:
            shown.say(f"Started in {time.monotonic() - began:.1f} s. Status: {stack.urls.status}")
            Demo(stack, folder, shown).run()
        shown.say(f"\nAll figures are right. Total: {time.monotonic() - began:.0f} s.\n{_NEXT}")


def _exit_code_of(run: Callable[[], None]) -> int:
    """Call `run`, print what went wrong if anything did, and return the exit code."""
    try:
        run()
    except WrongFigure as error:
        print(printable_lines(f"demo: {error}"), file=sys.stderr)
        return Exit.NOT_IN_STEP
    except (CouldNotRun, Failure, UnusableFolder) as error:
        print(printable_lines(f"demo: {error}"), file=sys.stderr)
        return Exit.COULD_NOT_RUN
    except KeyboardInterrupt:
        print("demo: interrupted; everything has been stopped", file=sys.stderr)
        return Exit.INTERRUPTED
    return Exit.IN_STEP


_NEXT = f"""
Where to go from here
  samples/README.md                      what each file of the library shows
  fss local DIR --state STATE            sync your own folder; the next run syncs only changes
  fss up samples/library                 start all parts, print their addresses, keep running
  fss local --help                       options: tiers, metadata from paths, injected faults
  shared/domain, shared/services         the rules, and the code that carries them out
  --path-template '{TEMPLATE}'
                                         produced the metadata above, together with the sidecars"""


if __name__ == "__main__":
    sys.exit(main())
