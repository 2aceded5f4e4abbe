"""Which copies of tenants are begun before it is known what changed in them?

To bring a tenant's copy forward begins with a copy of its last file, which costs as much as its bytes, and no query. Of
tenants whose rows were rebuilt it is made, and flushed, on a thread of its own, while purchases are compared and the
copy for all is written. Where nothing turns out to have changed, a file was copied in vain and is deleted. Old copies
that make room for new ones are deleted on that thread as well, half a gigabyte in a tenth of a second.
"""

import shutil
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from warehouse.tenancy import is_file_name
from warehouse.versions import copy_file, delete_old, flush

AHEAD = ".ahead"
MOST_TENANTS = 4  # of more of them the files are smaller than what is asked of each
KEPT_VERSIONS = 2  # of each tenant: the newest, and one for whoever has just read the link


class Ahead:
    """Copies of files that are being made; `folder` is that of the tenants' links."""

    def __init__(self, folder: Path, tenants: Collection[str], beside: ThreadPoolExecutor) -> None:
        self._copies: dict[Path, Future[Path]] = {}
        self._beside = beside
        delete_ahead(folder)
        for tenant_id in tenants if len(tenants) <= MOST_TENANTS else ():
            last = (folder / f"{tenant_id}.duckdb").resolve()
            if is_file_name(tenant_id) and last.exists():
                self._copies[last] = beside.submit(_copied, last)
                self.make_room(sorted(last.parent.glob("*.duckdb")), last, KEPT_VERSIONS)

    def make_room(self, copies: Sequence[Path], linked: Path, keep: int) -> None:
        """Delete old copies, oldest first, so that with the linked and the next one `keep` are left.

        A run that died may have left a newer one that nobody links to. What cannot be deleted is tried again by who
        makes the next one.
        """
        self._beside.submit(delete_old, [path for path in copies if path != linked], keep - 2)

    def copy(self, last: Path, building: Path) -> None:
        """Make `building` a copy of `last`."""
        begun = self._copies.pop(last, None)
        if begun is not None and begun.exception() is None:
            begun.result().rename(building)
        else:
            shutil.copyfile(last, building)


@contextmanager
def copied_ahead(folder: Path, tenants: Collection[str]) -> Iterator[Ahead]:
    """Begin to copy the last files of these tenants; those nobody took are deleted at the end."""
    with ThreadPoolExecutor(1) as beside:
        try:
            yield Ahead(folder, tenants, beside)
        except BaseException:
            beside.shutdown(cancel_futures=True)
            raise
        finally:
            beside.shutdown()
            delete_ahead(folder)


def delete_ahead(folder: Path) -> None:
    """Delete what was copied, also by a run that died."""
    for leftover in folder.glob(f"versions/*/*{AHEAD}"):
        leftover.unlink(missing_ok=True)


def _copied(last: Path) -> Path:
    copy = last.with_name(f"{last.name}{AHEAD}")
    copy_file(last, copy, is_source_read=False)
    flush(copy)
    return copy
