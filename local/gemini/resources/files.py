"""Raw files of the Files API: PROCESSING, then ACTIVE or FAILED, deleted after 48 hours."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import StrEnum

from local.gemini.clock import Clock, timestamp
from local.gemini.resources.storage import Contents, Table
from local.gemini.settings import Latencies
from local.gemini.wire.errors import already_exists, no_permission
from local.gemini.wire.messages import JsonObject, without_defaults
from local.gemini.wire.names import check_id


class FileState(StrEnum):
    """The states of a raw file."""

    PROCESSING = "PROCESSING"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class File:
    """A raw file. Times are seconds since the epoch; `sha256` is the hex digest.

    Attributes:
        processed_at: When it leaves PROCESSING.
        failed: Whether it becomes FAILED when it leaves PROCESSING.
    """

    name: str
    display_name: str
    mime_type: str
    size_bytes: int
    sha256: str
    created_at: float
    processed_at: float
    expires_at: float
    failed: bool = False

    def state(self, now: float) -> FileState:
        """Return the state at the given time."""
        if now < self.processed_at:
            return FileState.PROCESSING
        return FileState.FAILED if self.failed else FileState.ACTIVE

    def to_json(self, now: float, base_url: str) -> JsonObject:
        """Return the resource in the API's format."""
        state = self.state(now)
        return without_defaults(
            {
                "name": self.name,
                "displayName": self.display_name,
                "mimeType": self.mime_type,
                "sizeBytes": str(self.size_bytes),
                "createTime": timestamp(self.created_at),
                "updateTime": timestamp(min(now, self.processed_at)),
                "expirationTime": timestamp(self.expires_at),
                # The real service encodes the hex digest, not the raw bytes.
                "sha256Hash": base64.b64encode(self.sha256.encode()).decode(),
                "uri": f"{base_url}/v1beta/{self.name}",
                "state": state,
                "source": "UPLOADED",
                "error": {"code": 13, "message": "Failed to process the file."}
                if state is FileState.FAILED
                else None,
            }
        )


class Files:
    """The raw files of the project."""

    def __init__(
        self,
        table: Table[File],
        contents: Contents,
        clock: Clock,
        latencies: Latencies,
        ttl_s: float,
    ) -> None:
        self.table = table
        self._contents = contents
        self._clock = clock
        self._latencies = latencies
        self._ttl_s = ttl_s

    def find(self, name: str) -> File | None:
        """Return a file that has not expired, or None."""
        self.purge()
        return self.table.get(name)

    def get(self, name: str) -> File:
        """Return a file.

        Raises:
            ApiError: 400 for a malformed id; 403 if there is no such file.
        """
        check_id(name.removeprefix("files/"), "File")
        file = self.find(name)
        if file is None:
            raise no_permission("File", name.removeprefix("files/"))
        return file

    def check_free(self, name: str) -> None:
        """Check that a name is not taken.

        Raises:
            ApiError: 409 if it is taken.
        """
        if self.find(name):
            raise already_exists(f"Requested entity already exists: {name}")

    def add(
        self,
        *,
        name: str,
        display_name: str,
        mime_type: str,
        size_bytes: int,
        sha256: str,
        failed: bool = False,
    ) -> File:
        """Add an uploaded file under a free name; it is PROCESSING for a while."""
        now = self._clock.now()
        file = File(
            name=name,
            display_name=display_name,
            mime_type=mime_type,
            size_bytes=size_bytes,
            sha256=sha256,
            created_at=now,
            processed_at=now + self._latencies.processing_s(),
            expires_at=now + self._ttl_s,
            failed=failed,
        )
        self.table.add(file)
        return file

    def delete(self, name: str) -> None:
        """Delete a file; documents imported from it stay.

        Raises:
            ApiError: 400 for a malformed id; 403 if there is no such file.
        """
        self._remove(self.get(name).name)

    def purge(self) -> None:
        """Delete expired files; files expire in the order they were added."""
        now = self._clock.now()
        while (first := next(self.table.page(), None)) and first[1].expires_at <= now:
            self._remove(first[1].name)

    def _remove(self, name: str) -> None:
        self.table.remove(name)
        self._contents.drop(name)
