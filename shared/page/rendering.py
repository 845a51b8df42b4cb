"""Turns the status function's answers into HTML."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.domain.figures import roughly, size
from shared.page import advice, charts, words
from shared.page.headline import busy, headline, waiting
from shared.page.journey import journey

_HERE = Path(__file__).parent

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript"}


@cache
def assets() -> Mapping[str, Path]:
    """The style sheet and the script, by a name that has their digest and so changes with them."""
    found = {}
    for file in sorted((_HERE / "static").iterdir()):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:10]
        found[f"{file.stem}.{digest}{file.suffix}"] = file
    return found


def asset(name: str) -> tuple[bytes, str] | None:
    """The content and the media type of an asset; None if there is none of this name."""
    file = assets().get(name)
    return None if file is None else (file.read_bytes(), MEDIA_TYPES[file.suffix])


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (
        *(words.plain, words.name, words.moment, words.number, words.money),
        *(words.duration, roughly, words.words, words.lines),
    ):
        environment.filters[function.__name__] = function
    environment.filters["filesize"] = size
    environment.globals["advice_of"] = advice.of_file
    environment.globals["hold_advice"] = advice.of_hold
    environment.globals["charts"] = charts
    return environment


def _rendered(template: str, **values: object) -> str:
    names = {Path(name).suffix: name for name in assets()}
    return _environment().get_template(template).render(assets=names, **values)


def overview(
    told: Mapping[str, Any],
    window: Mapping[str, Any] | None,
    failures: Mapping[str, Any] | None,
    seconds: Mapping[str, float],
) -> str:
    """The whole page.

    Args:
        told: The overview.
        window: The breaker's window; None leaves it out.
        failures: The first failed files; None if there are none.
        seconds: How often the script looks, while a sync runs (``running``) and otherwise
            (``idle``).
    """
    return _rendered(
        "overview.html",
        **told,
        head=headline(told),
        window=window and window["window"],
        failures=failures and failures["files"],
        seconds=seconds,
        runs=charts.runs(told["batches"]),
    )


def live(told: Mapping[str, Any], seconds: Mapping[str, float]) -> str:
    """The part of the page that changes often."""
    return _rendered("parts_live.html", **told, head=busy(told), seconds=seconds)


def file_list(
    which: str,
    told: Mapping[str, Any],
    wanted: Mapping[str, str],
    most_counted: int,
    now: Mapping[str, Any] | None,
) -> str:
    """A page of a list of files.

    Args:
        which: The list's name.
        told: The page of the list.
        wanted: What the list is narrowed to.
        most_counted: How many files of a kind are counted at most.
        now: The part of the overview that says what the files wait for; None if they don't.
    """
    return _rendered(
        "files.html",
        **told,
        which=which,
        wanted=wanted,
        most_counted=most_counted,
        why=waiting(now) if now else None,
    )


def one_file(path: str, told: Mapping[str, Any] | None) -> str:
    """A file's journey; ``told`` is None if there is no such file."""
    file = told["files"][0] if told else None
    steps = journey(file, told["imports"]) if told and file else []
    return _rendered("file.html", path=path, file=file, steps=steps)
