"""The data folder, owned by one process at a time through an operating-system lock."""

from __future__ import annotations

import fcntl
import json
import os
import time
from typing import IO, TYPE_CHECKING, Final

from rankloop.errors import FileError, FolderInUseError

if TYPE_CHECKING:
    from pathlib import Path

LOCK_NAME: Final = "lock"
"""The file that is locked; what stands in it is information for people only."""

WAIT_S: Final = 5.0
"""How long a newcomer waits for the owner to let go."""

_RETRY_S: Final = 0.05


class DataFolder:
    """A data folder held by this process.

    The kernel's lock on `DIR/lock` decides, so a killed owner frees the folder at once; the
    owner's process id and address stand in the file to be named to whoever comes second.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp())
        >>> with DataFolder(path):
        ...     read_owner(path)["pid"] == os.getpid()
        True
    """

    def __init__(self, path: Path, *, wait_s: float = WAIT_S) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = (path / LOCK_NAME).open("a+", encoding="utf-8")
        except OSError as error:
            raise FileError(
                f"the data folder {path} cannot be used: {error.strerror}", where=str(path)
            ) from error
        try:
            _take(self._file, path, wait_s)
        except BaseException:
            self._file.close()
            raise
        self._write(None)

    def set_url(self, url: str | None) -> None:
        """Tell whoever comes second where the server that owns the folder listens."""
        self._write(url)

    def close(self) -> None:
        """Free the folder; the second call does nothing."""
        if not self._file.closed:
            self._file.truncate(0)
            self._file.close()

    def __enter__(self) -> DataFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, url: str | None) -> None:
        """Say who holds the folder."""
        self._file.seek(0)
        self._file.truncate(0)
        self._file.write(json.dumps({"pid": os.getpid(), "url": url}))
        self._file.flush()


def read_owner(path: Path) -> dict[str, object]:
    """Read what the lock file says; empty where it says nothing. The lock alone decides."""
    try:
        owner = json.loads((path / LOCK_NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _take(file: IO[str], path: Path, wait_s: float) -> None:
    """Take the lock, waiting for its owner to finish."""
    give_up_at = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up_at:
                raise _to_refusal(path) from None
            time.sleep(_RETRY_S)
        else:
            return


def _to_refusal(path: Path) -> FolderInUseError:
    """Say who owns the folder and what to do instead."""
    owner = read_owner(path)
    process = f"process {owner['pid']}" if "pid" in owner else "another process"
    url = owner.get("url")
    if url:
        return FolderInUseError(
            f"the data folder {path} is in use by {process}, a server at {url}",
            where=str(path),
            hint=f"Use --url {url} instead of --data {path}.",
        )
    return FolderInUseError(
        f"the data folder {path} is in use by {process}",
        where=str(path),
        hint=f"Wait until it ends, or share it: rankloop serve --data {path}, then use --url.",
    )
