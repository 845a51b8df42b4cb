"""Names of custom metadata that copying tools write for themselves, such as a file's times.

They change when a file is merely touched or copied again, and say nothing about a document. Upper
and lower case are the same here, since tools and the XML API vary it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.domain.source.object_name import composed

TOOL_NAMES: Final = (
    # gsutil, gcloud storage, Storage Transfer Service and gcsfuse's symbolic links, see
    # https://cloud.google.com/storage-transfer/docs/metadata-preservation
    "goog-reserved-*",
    # Cloud Storage FUSE: docs/semantics.md of GoogleCloudPlatform/gcsfuse
    "gcsfuse_*",
    # rclone: https://rclone.org/s3/ and https://rclone.org/local/ ; b2's name is in Backblaze's API
    "mtime", "atime", "btime", "uid", "gid", "mode", "rdev", "md5chksum",
    "src_last_modified_millis",
    # s3fs-fuse (ctime, xattr and those above): its README and s3fs(1)
    "ctime", "xattr",
    # s3cmd --preserve: https://s3tools.org/usage
    "s3cmd-attrs",
    # AWS DataSync, File Gateway, FSx and s5cmd --preserve-timestamp, see
    # https://docs.aws.amazon.com/fsx/latest/FileCacheGuide/posix-metadata-support.html
    "file-mtime", "file-atime", "file-ctime", "file-btime", "file-owner", "file-group",
    "file-permissions", "file-acl", "user-agent", "user-agent-id",
    # CloudBerry (now MSP360) and S3 Browser, from the headers of public objects
    "cb-*", "s3b-*",
    # Resilio Active Everywhere: "Storing metadata in cloud" at platform.resilio.com
    "rslhash", "usid", "gsid", "sddl",
)  # fmt: skip

SECRET_NAME: Final = "firebaseStorageDownloadTokens"  # noqa: S105 - the name, not the secret
"""Firebase's name for a secret."""


@dataclass(frozen=True, slots=True)
class MetadataNames:
    """Which names of an object's own metadata are left out.

    Attributes:
        ignored: More names to leave out; one that ends with ``*`` stands for all that begin so.
        kept: Names to keep all the same, in the same form.
    """

    ignored: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def leaves_out(self, name: str) -> bool:
        """Whether the name says nothing about the document. Firebase's token is never kept."""
        if name.casefold() == SECRET_NAME.casefold():
            return True
        return _is_among(name, (*TOOL_NAMES, *self.ignored)) and not _is_among(name, self.kept)


def checked_name(text: str) -> str:
    """A name as a setting holds it; raises ValueError if ``*`` is not at its end."""
    if "*" in text[:-1]:
        raise ValueError(f"{text!r}: a '*' stands at the end of a name only")
    return text


def _is_among(name: str, names: Iterable[str]) -> bool:
    folded = _folded(name)
    return any(
        folded.startswith(_folded(known[:-1])) if known.endswith("*") else folded == _folded(known)
        for known in names
    )


def _folded(name: str) -> str:
    return composed(name).casefold()
