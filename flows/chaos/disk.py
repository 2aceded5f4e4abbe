"""How does a disk become full? As a file system in memory, where we may mount, that is made as small as its content.

tmpfs can be told another size while it is in use, and says "no space left" like any other. Where nobody lets us mount,
a collector's files may not grow instead (RLIMIT_FSIZE), which is the fault `collector's disk full`.
"""

import os
import shutil
import subprocess
from pathlib import Path

SIZE = "75%"  # of the memory of the machine; pages are taken when they are written


class SmallDisk:
    """A file system of our own at a folder, and the fault that it is full."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.is_mounted = _ran("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "odograph-chaos", str(folder))

    def fill(self) -> bool:
        """Leave no space on it; false where it is not ours or grew meanwhile."""
        if not self.is_mounted:
            return False
        found = os.statvfs(self._folder)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        return self._resize(f"{used + found.f_frsize}")

    def empty(self) -> None:
        """Give it its size back."""
        if self.is_mounted:
            self._resize(SIZE)

    def close(self, *, keep: bool) -> None:
        """Give up the file system, with all that is on it or not."""
        if not self.is_mounted:
            return
        beside = self._folder.with_name(f"{self._folder.name}.kept")
        if keep:
            shutil.copytree(self._folder, beside, symlinks=True)
        self.is_mounted = not _ran("umount", "--lazy", str(self._folder))
        if keep and not self.is_mounted:
            self._folder.rmdir()
            beside.rename(self._folder)

    def _resize(self, size: str) -> bool:
        return _ran("mount", "-o", f"remount,size={size}", str(self._folder))


def _ran(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
