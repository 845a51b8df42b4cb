"""A function as the functions framework serves it, in this process, over a world of twins."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest import mock

import functions_framework

from shared.http.pages import Pages
from shared.loading import preload
from shared.services.health import Health
from shared.services.store.cut_over import CutOver
from tests.docs.markdown import ROOT
from tests.services.ask.asking import Asking
from tests.world import World

if TYPE_CHECKING:
    from flask import Flask

SETTINGS = {
    "PROJECT_ID": "p",
    "BUCKET": "b",
    "DEPLOYMENT": "dev",
    "LOCATION": "l",
    "UPLOADS_QUEUE": "u",
    "POLLS_QUEUE": "p",
    "CONTROL_QUEUE": "c",
    "UPLOAD_URL": "https://u.example",
    "DISPATCHER_URL": "https://d.example",
    "STATUS_URL": "https://s.example",
    "GEMINI_API_KEY": "secret",
}


# Modules that an app loads are forgotten with it, and Google's can't be loaded twice.
preload("google.cloud.firestore", "google.cloud.storage", "google.cloud.tasks_v2", "google.genai")


class UseCases:
    """The use cases of a world, as the functions call them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cut_over = CutOver(world.context)
        self.health = Health(world.context, "local", simulated=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world, name)


@contextmanager
def framework_app(
    function: str, world: World, more: Mapping[str, str] | None = None
) -> Iterator[Flask]:
    """The framework's app of a function over that world's use cases.

    ``more`` are further settings.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    before = sys.modules.pop("main", None)  # the framework loads each function under this name
    with mock.patch.dict("os.environ", {**SETTINGS, **(more or {})}):
        source = ROOT / "functions" / function / "main.py"
        app: Flask = functions_framework.create_app("main", str(source), "http")  # type: ignore[no-untyped-call]
        replace_use_cases(sys.modules["main"], world)
        try:
            yield app
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)
            sys.modules.pop("main", None)
            if before is not None:
                sys.modules["main"] = before


def replace_use_cases(module: ModuleType, world: World) -> None:
    """Let a function's module work on this world."""
    if hasattr(module, "USE"):
        vars(module)["USE"] = UseCases(world)
    if hasattr(module, "report"):
        vars(module)["report"] = lambda _: world.report
        vars(module)["pages"] = lambda _: Pages(world.report, 1.0)
    if hasattr(module, "ask"):
        vars(module)["ask"] = lambda _: Asking(world).use
