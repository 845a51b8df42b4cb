"""One whole local stack as fixtures; a conftest or module that wants them imports them by name.

The stack is shared by every test that asks for it, so each works below a prefix of its own.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest
from google.cloud import storage

from local.fss.deployment.client import Deployment
from local.fss.report.progress import PlainLines
from local.fss.report.summary import complete_summary
from local.fss.sync import watch
from local.stack.local_stack import LocalStack
from local.stack.options import StackOptions
from local.stack.urls import StackUrls
from shared.domain.throttle.tiers import tier_named

TIME_SCALE = 20.0


@dataclass(frozen=True, slots=True)
class Shelf:
    """A part of a running stack's bucket, empty at first, that one test has to itself."""

    urls: StackUrls
    prefix: str
    bucket: storage.Bucket
    deployment: Deployment
    shown: PlainLines

    def put(self, name: str, content: bytes = b"some text") -> None:
        self.bucket.blob(self.prefix + name).upload_from_string(content, "text/plain")

    def remove(self, name: str) -> None:
        self.bucket.blob(self.prefix + name).delete()

    def sync(self, **request: object) -> dict[str, Any]:
        """Sync the shelf and return the summary with all its lists."""
        started = self.deployment.start({"prefix": self.prefix, **request})
        batch = watch(self.deployment, started["batch_id"], self.shown)
        return complete_summary(self.deployment, batch)


@pytest.fixture(scope="session")
def local_stack() -> Iterator[LocalStack]:
    """A stack without state, with the tier that waits least."""
    options = StackOptions(tier=tier_named("tier3"), time_scale=TIME_SCALE)
    with LocalStack(options) as stack:
        yield stack


@pytest.fixture
def shelf(local_stack: LocalStack) -> Iterator[Shelf]:
    """A shelf of its own for a test."""
    with shelf_of(local_stack) as shelf:
        yield shelf


@contextmanager
def shelf_of(stack: LocalStack) -> Iterator[Shelf]:
    """A new shelf of a stack."""
    urls = stack.urls
    with mock.patch.dict("os.environ", STORAGE_EMULATOR_HOST=urls.storage):
        client = storage.Client(project=urls.project)
    with closing(client):
        yield Shelf(
            urls,
            f"{uuid.uuid4().hex}/",
            client.bucket(urls.bucket),
            Deployment(urls.dispatcher, urls.status),
            PlainLines(sys.stderr),
        )
