"""Does a store let only one of several writers make a commit?

Delta Lake stands on that: who comes second with the same version has to be refused (a conditional PUT). A store that
does not know the condition would take both, and one of them would be gone. So before the first load some writers try
to make the same commit at once, and exactly one of them may succeed.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from uuid import uuid4

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from ingest.durable import replace_file
from ingest.settings import IngestSettings
from ingest.stores import StoreFailed, delta_options, files_at, is_remote, naming_store

WRITERS, ROUNDS = 8, 3
FOLDER = "_odograph_check"
CHECKED = "lake-store.checked"  # in the data directory: the store that was found to be careful


def check_store(settings: IngestSettings) -> None:
    """Raise StoreFailed where writers at once would overwrite each other; a store is checked once by each machine."""
    root = settings.lake_root
    if not is_remote(root):
        return
    noted = settings.data_dir / CHECKED
    store = f"{os.environ.get('AWS_ENDPOINT_URL', '')} {root}\n"
    if noted.exists() and noted.read_text() == store:
        return
    with naming_store(root):
        if not is_careful(root):
            raise StoreFailed(
                f"the store at {root} lets two writers make the same commit, and one of them would be lost: it needs"
                " conditional writes (If-None-Match on PUT)"
            )
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_file(noted, store.encode())


def is_careful(root: str) -> bool:
    """Whether of several writers of the same version one succeeds and the others are refused."""
    where = f"{root}/{FOLDER}/{uuid4()}"
    options = delta_options(where)
    rows = pa.table({"writer": pa.array([0], pa.int64())})
    write_deltalake(where, rows, storage_options=options)
    try:
        for _ in range(ROUNDS):
            handles = [DeltaTable(where, storage_options=options) for _ in range(WRITERS)]
            barrier = Barrier(WRITERS)

            def wrote(handle: DeltaTable, barrier: Barrier = barrier) -> bool:
                barrier.wait()
                try:
                    # Not tried again by itself: that would be a commit of its own, and allowed.
                    write_deltalake(
                        handle, rows, mode="append", commit_properties=CommitProperties(max_commit_retries=0)
                    )
                except CommitFailedError:
                    return False
                return True

            with ThreadPoolExecutor(WRITERS) as writers:
                if sum(writers.map(wrote, handles)) != 1:
                    return False
        return True
    finally:
        _remove(root, where)


def _remove(root: str, where: str) -> None:
    """Take the trial away; where that fails what went wrong before is told, and a few small files stay."""
    files, path = files_at(root)
    with suppress(OSError):
        files.delete_dir(f"{path}{where.removeprefix(root)}")
