"""The flash in a file that outlives the process."""

import fcntl
import os
import tempfile
from pathlib import Path

from dfu_emulator.profile.model import Flash as FlashProfile


class ImageError(Exception):
    """An image file that cannot be used; the message names it and says what to do."""


class FlashImage:
    """A raw image, as large as the flash and equal to its contents after every finished erase or write.

    The file is created whole, under another name first, and each change goes to it by one system call: a
    process that is killed leaves a file of the right size. One process at a time: the file is locked.
    """

    def __init__(self, path: Path, profile: FlashProfile) -> None:
        self._path = path
        try:
            if not path.exists():
                self._create(bytes([profile.erased]) * profile.size)
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise ImageError(f"{path}: cannot be opened as a flash image: {error.strerror}") from None
        try:
            self._lock()
            self.cells = self._read(profile.size)
        except BaseException:
            os.close(self._file)
            raise

    def write(self, offset: int, data: bytes) -> None:
        """Write ``data`` to the file. Raises ImageError where that fails."""
        view = memoryview(data)
        try:
            while view:
                written = os.pwrite(self._file, view, offset)
                view, offset = view[written:], offset + written
        except OSError as error:
            raise ImageError(f"{self._path}: cannot be written: {error.strerror}") from None

    def close(self) -> None:
        """Give the file back; a write after this is an ImageError."""
        os.close(self._file)
        self._file = -1  # never a number that another file may have by then

    def _create(self, contents: bytes) -> None:
        handle, draft = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                umask = os.umask(0)
                os.umask(umask)
                os.fchmod(file.fileno(), 0o666 & ~umask)
                file.write(contents)
                file.flush()
                os.fsync(file.fileno())
            self._put_in_place(draft)
        finally:
            Path(draft).unlink(missing_ok=True)

    def _put_in_place(self, draft: str) -> None:
        try:
            os.link(draft, self._path)
        except FileExistsError:
            return  # another process was first: its file stays
        except OSError:
            # A file system without hard links; what this replaces has come in the last moment.
            Path(draft).rename(self._path)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ImageError(
                f"{self._path}: is in use by another emulated chip; give each its own image"
            ) from None

    def _read(self, size: int) -> bytearray:
        actual = os.fstat(self._file).st_size
        if actual != size:
            raise ImageError(
                f"{self._path}: has {actual} bytes, but the flash of this chip has {size}; "
                "name another file, which is then created, or the profile that the image was made with"
            )
        cells = bytearray()
        while len(cells) < size:
            cells += os.pread(self._file, size - len(cells), len(cells))
        return cells
