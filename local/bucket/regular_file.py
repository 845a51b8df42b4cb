"""Opens a file that was found earlier, and reads as much of it as there was on opening.

Meanwhile anything may have taken its place. No link is followed, in no part of the path, and
opening a pipe does not wait for a writer.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Self

from local.printable import printable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_REPLACED = (errno.ELOOP, errno.ENOTDIR, errno.ENXIO)
"""The file or a folder of its path is now a link, the folder no folder, the file a socket."""

_NOT_REGULAR = "is not a regular file any more"


class FileChanged(OSError):
    """It is no regular file any more, or shorter than on opening."""

    def __init__(self, path: Path, how: str) -> None:
        super().__init__(errno.ESTALE, how, str(path))

    def __str__(self) -> str:
        return f"{printable(self.filename)} {self.strerror}"


class RegularFile(io.RawIOBase):
    """A regular file open for reading, as a context. It ends after `size` bytes, even if it grows.

    Args:
        path: The path without links, as `Path.resolve` returns it.

    Raises:
        FileChanged: See there.
        OSError: It can't be opened.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._file = _opened(path)
        self.size = os.fstat(self._file).st_size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into a buffer; return 0 at the end.

        Raises:
            FileChanged: See there.
        """
        with memoryview(buffer) as view:
            wanted = min(view.nbytes, self.size - self._position)
            if wanted <= 0:
                return 0
            count = os.preadv(self._file, [view[:wanted]], self._position)
        if count == 0:
            raise FileChanged(self._path, "has become shorter while it was read")
        self._position += count
        return count

    def close(self) -> None:
        if not self.closed:
            os.close(self._file)
        super().close()

    def __enter__(self) -> Self:
        return self


def _opened(path: Path) -> int:
    root, *folders, name = path.parts
    try:
        folder = os.open(root, _STEP)
        try:
            for step in folders:
                above, folder = folder, os.open(step, _STEP, dir_fd=folder)
                os.close(above)
            file = os.open(name, _FILE, dir_fd=folder)
        finally:
            os.close(folder)
    except OSError as error:
        if error.errno in _REPLACED:
            raise FileChanged(path, _NOT_REGULAR) from error
        raise OSError(error.errno, error.strerror, str(path)) from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise FileChanged(path, _NOT_REGULAR)
    return file
