"""A tab of Chromium, driven through its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.browser.chromium import command
from tests.patience import PATIENCE

KEYS = {"Tab": (9, ""), "Enter": (13, "\r")}
"""The number of each key, and what it writes."""


class Tab:
    """One tab, with what happened in it.

    Attributes:
        requests: Addresses that the tab asked for.
        complaints: Errors and warnings of the console, and uncaught exceptions.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._socket = socket
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._events: dict[str, asyncio.Event] = {}
        self._last = 0
        self._listener = asyncio.create_task(self._listen())

    async def send(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send a command, and return its result."""
        self._last += 1
        reply = asyncio.get_running_loop().create_future()
        self._replies[self._last] = reply
        await self._socket.send_str(
            json.dumps({"id": self._last, "method": method, "params": parameters})
        )
        answer: dict[str, Any] = await asyncio.wait_for(reply, PATIENCE)
        assert "error" not in answer, (method, answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    async def open(self, url: str) -> None:
        """Open a page, and wait until it is loaded."""
        await self.load_by(self.send("Page.navigate", url=url))

    async def load_by(self, doing: Awaitable[object]) -> None:
        """Do something that leads to a page, and wait until it is loaded."""
        loaded = self._events["Page.loadEventFired"] = asyncio.Event()
        await doing
        await asyncio.wait_for(loaded.wait(), PATIENCE)

    async def press(self, key: str) -> None:
        """Press and let go of one of the keys in ``KEYS``."""
        code, text = KEYS[key]
        for kind in ("keyDown", "keyUp"):
            await self.send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                **({"text": text} if text and kind == "keyDown" else {}),
            )

    async def type(self, text: str) -> None:
        """Write into what has the focus."""
        await self.send("Input.insertText", text=text)

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression, which may be a promise."""
        answer = await self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def look_like(self, width: int, *, dark: bool = False, script: bool = True) -> None:
        """Set the window's width, the colours that the reader prefers, and whether scripts run."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        await self.send("Emulation.setScrollbarsHidden", hidden=True)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])
        await self.send("Emulation.setScriptExecutionDisabled", value=not script)

    async def screenshot(self, file: Path, *, whole: bool = True) -> None:
        """Save a picture of the page."""
        picture = await self.send(
            "Page.captureScreenshot", format="png", captureBeyondViewport=whole
        )
        content = base64.b64decode(picture["data"])
        await asyncio.to_thread(file.write_bytes, content)

    async def advance(self, seconds: float) -> None:
        """Let the page's time pass, and wait for what it asks for meanwhile."""
        over = self._events["Emulation.virtualTimeBudgetExpired"] = asyncio.Event()
        await self.send(
            "Emulation.setVirtualTimePolicy",
            policy="pauseIfNetworkFetchesPending",
            budget=seconds * 1000,
        )
        await asyncio.wait_for(over.wait(), PATIENCE)

    async def close(self) -> None:
        self._listener.cancel()
        with suppress(asyncio.CancelledError):
            await self._listener

    async def _listen(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._replies.pop(told["id"]).set_result(told)
                continue
            self._note(told["method"], told["params"])

    def _note(self, event: str, told: dict[str, Any]) -> None:
        match event:
            case "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(told["exceptionDetails"]))
            case "Log.entryAdded" if told["entry"]["level"] in ("error", "warning"):
                self.complaints.append(told["entry"]["text"] + " " + told["entry"].get("url", ""))
            case "Runtime.consoleAPICalled":
                self.complaints.append(json.dumps(told["args"]))
        if event in self._events:
            self._events[event].set()


@asynccontextmanager
async def tab(browser: str, profile: Path) -> AsyncIterator[Tab]:
    """A tab in a browser of its own, with an empty profile."""
    process = subprocess.Popen(  # noqa: ASYNC220
        [*command(browser, profile), "--remote-debugging-port=0", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port = await _port(profile)
        async with aiohttp.ClientSession() as session:
            address = await _address(session, port)
            async with session.ws_connect(address, max_msg_size=0) as socket:
                opened = Tab(socket)
                for domain in ("Page", "Runtime", "Network", "Log"):
                    await opened.send(f"{domain}.enable")
                yield opened
                await opened.close()
    finally:
        process.terminate()
        process.wait(PATIENCE)


async def _port(profile: Path) -> int:
    """The port on which the browser takes commands, which it writes into its profile."""
    file = profile / "DevToolsActivePort"
    async with asyncio.timeout(PATIENCE):
        while not (file.exists() and file.read_text().strip()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return int(file.read_text().splitlines()[0])


async def _address(session: aiohttp.ClientSession, port: int) -> str:
    """The address of the first tab."""
    async with asyncio.timeout(PATIENCE):
        while True:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [each for each in await answer.json() if each["type"] == "page"]
            if pages:
                return str(pages[0]["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)
