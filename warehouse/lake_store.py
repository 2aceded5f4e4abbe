"""How does DuckDB read files of a lake in an object store, and nothing else there?

Through a file system that is read-only, confined to the folder of one lake, and stands on pyarrow's client.
"""

import os
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

import pyarrow.fs as arrow_files
from fsspec import AbstractFileSystem

from warehouse.stores import StoreFailed

KEPT_OPEN = 512  # files of which the size is known, and whose ranges are asked for at once
# Files of a Delta table are never changed under their name, so what DuckDB keeps of one is good as long as it likes.
NEVER_CHANGED = datetime(2000, 1, 1, tzinfo=UTC)


class LakeStore(AbstractFileSystem):  # type: ignore[misc]
    """The files below one URL, by their whole names, for reading."""

    protocol = "s3"
    cachable = False

    def __init__(self, root: str) -> None:
        super().__init__()
        self.root = root.rstrip("/")
        # Who asks waits for an answer, so a store that is away is not asked for long.
        self._client = arrow_files.S3FileSystem(
            endpoint_override=os.environ.get("AWS_ENDPOINT_URL"),
            force_virtual_addressing=os.environ.get("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "").lower() == "true",
            retry_strategy=arrow_files.AwsStandardS3RetryStrategy(max_attempts=3),
            connect_timeout=5,
            request_timeout=60,
        )
        self._file = lru_cache(maxsize=KEPT_OPEN)(self._opened)

    def open(self, path: str, mode: str = "rb", **_: Any) -> "StoreFile":
        """Open a file; nothing is asked of the store for one that is known."""
        if mode != "rb":
            raise PermissionError(f"the lake at {self.root} is read only here")
        return StoreFile(self._file(self._inside(path)))

    def size(self, path: str) -> int:
        """Bytes of a file."""
        return int(self._file(self._inside(path)).size())

    def modified(self, path: str) -> datetime:
        """The same for every file: it never changes."""
        self._inside(path)
        return NEVER_CHANGED

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Asked before something is written: there is nothing to write over."""
        raise FileNotFoundError(self._inside(path))

    def glob(self, path: str, **_: Any) -> list[str]:
        """The path itself: views name every file, and nobody lists the store."""
        return [self._inside(path)]

    def arrow_file(self, path: str) -> Any:
        """The file as pyarrow reads it."""
        return self._file(self._inside(path))

    def _inside(self, path: str) -> str:
        """The path, if it is below our root as it is written: clients resolve `..`, and would lead out of it."""
        rest = path.removeprefix(f"{self.root}/")
        if rest == path or {"", ".", ".."} & set(rest.split("/")):
            raise PermissionError(f"{path} is not in the lake at {self.root}")
        return path

    def _opened(self, path: str) -> Any:
        try:
            return self._client.open_input_file(path.removeprefix("s3://"))
        except FileNotFoundError:
            raise StoreFailed(f"{path} is not in the store any more: run `odograph refresh`") from None
        except OSError as error:
            raise StoreFailed(f"the store at {self.root} cannot be read: {_said(error)}") from None


class StoreFile:
    """One reader's place in a file that others may read at the same time."""

    def __init__(self, file: Any) -> None:
        self._file, self._at = file, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a byte."""
        self._at = offset + (0, self._at, self._file.size())[whence]
        return self._at

    def tell(self) -> int:
        """The byte that is read next."""
        return self._at

    def read(self, count: int = -1) -> bytes:
        """Bytes from here on."""
        try:
            found: bytes = self._file.read_at(self._file.size() - self._at if count < 0 else count, self._at)
        except OSError as error:
            raise StoreFailed(f"the store stopped handing out a file: {_said(error)}") from None
        self._at += len(found)
        return found

    def close(self) -> None:
        """Others may go on reading it."""


def _said(error: OSError) -> str:
    """What the store or the network said, without which file it was about."""
    text = " ".join(str(error).split())
    return (text.partition("AWS Error ")[2] or text)[:200]


@cache
def store_at(root: str) -> LakeStore:
    """The one reader of a lake in this process."""
    return LakeStore(root)
