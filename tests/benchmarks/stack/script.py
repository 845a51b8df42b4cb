"""``python -m tests.benchmarks.stack.script``: imports a folder as a user's own script would.

Seven files at once, by the provider's own client, with exponential backoff: script (b) of the
benchmark of the quota, in real time.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from google import genai
from google.genai import errors, types

T = TypeVar("T")

WORKERS, TIMES = 7, 10


async def _trying(call: Callable[[], Awaitable[T]]) -> T:
    for attempt in itertools.count(1):
        try:
            return await call()
        except errors.APIError:
            if attempt == TIMES:
                raise
            await asyncio.sleep(min(60, 2 ** (attempt - 1)) * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
    raise AssertionError("it returns or raises")


async def _index(client: genai.client.AsyncClient, store: str, path: Path, poll: float) -> None:
    file = await _trying(lambda: client.files.upload(file=path))
    name = str(file.name)
    while file.state is not types.FileState.ACTIVE:
        await asyncio.sleep(poll)
        file = await _trying(lambda: client.files.get(name=name))
    operation = await _trying(
        lambda: client.file_search_stores.import_file(file_search_store_name=store, file_name=name)
    )
    while not operation.done:
        await asyncio.sleep(poll)
        operation = await _trying(partial(client.operations.get, operation))


async def _main(base_url: str, paths: list[Path], poll: float) -> None:
    options = types.HttpOptions(base_url=base_url, api_version="v1beta")
    client = genai.Client(api_key="AIzaTEST", http_options=options).aio
    store = await client.file_search_stores.create(config={"display_name": "script"})
    free = asyncio.Semaphore(WORKERS)

    async def one(path: Path) -> None:
        async with free:
            await _index(client, str(store.name), path, poll)

    await asyncio.gather(*map(one, paths))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--poll", type=float, default=5.0, help="seconds between two looks")
    given = parser.parse_args()
    began = time.monotonic()
    asyncio.run(_main(given.url, sorted(given.folder.iterdir()), given.poll))
    print(json.dumps({"seconds": time.monotonic() - began, "cpu": time.process_time()}))
