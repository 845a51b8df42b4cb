"""Reads records from Firestore without the code under test."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from local.stack.urls import StackUrls

PAGE = 300


class Database:
    """Reads an emulator's documents as plain dictionaries over REST."""

    def __init__(self, urls: StackUrls) -> None:
        place = f"projects/{urls.project}/databases/(default)/documents"
        self._root = f"http://{urls.firestore}/v1/{urllib.parse.quote(place)}"

    def document(self, path: str) -> dict[str, Any] | None:
        """Return a document's fields; None if there is no such document."""
        try:
            return _fields(self._get(path, {}))
        except urllib.error.HTTPError as error:
            with error:
                if error.code == HTTPStatus.NOT_FOUND:
                    return None
                raise

    def collection(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield the fields of each document of a collection."""
        token = ""
        while True:
            page = self._get(path, {"pageSize": str(PAGE), "pageToken": token})
            yield from map(_fields, page.get("documents", ()))
            token = page.get("nextPageToken", "")
            if not token:
                return

    def _get(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        request = urllib.request.Request(f"{self._root}/{path}?{urllib.parse.urlencode(query)}")
        request.add_header(
            "Authorization", "Bearer owner"
        )  # bypasses the emulator's security rules
        with urllib.request.urlopen(request, timeout=60) as response:
            answer: dict[str, Any] = json.load(response)
            return answer


def _fields(document: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in document.get("fields", {}).items()}


def _value(value: dict[str, Any]) -> Any:  # noqa: ANN401 - any of Firestore's types
    ((kind, content),) = value.items()
    match kind:
        case "integerValue":
            return int(content)
        case "arrayValue":
            return [_value(item) for item in content.get("values", ())]
        case "mapValue":
            return _fields(content)
        case _:
            return content
