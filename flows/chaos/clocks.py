"""How does a clock jump? The processes of the line are started with `wall_clock.c`, which adds an offset to the time.

Compiled here, where there is a C compiler. libfaketime was tried first (0.9.10, 2026-11): with its monotonic clock left
alone, as timeouts need it, Python's `sleep` ends with "Invalid argument".
"""

import shutil
import subprocess
from importlib.resources import as_file, files
from pathlib import Path
from struct import pack

LIBRARY = "wall_clock.so"


class Clocks:
    """A clock for each process by name, in files of a folder; all are right at first."""

    def __init__(self, folder: Path, *, may_jump: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder.resolve()
        self.can_jump = may_jump and _compiled(self._folder / LIBRARY)

    def environment(self, name: str) -> dict[str, str]:
        """What the process of this name is started with, so that it sees its clock."""
        if not self.can_jump:
            return {}
        if not (self._folder / name).exists():
            self.set(name, 0)
        return {"LD_PRELOAD": str(self._folder / LIBRARY), "CHAOS_CLOCK": str(self._folder / name)}

    def set(self, name: str, offset_s: int) -> None:
        """Move a clock to so many seconds from the right time, now; the file stays the same, for it is mapped."""
        path = self._folder / name
        with path.open("r+b" if path.exists() else "wb") as offset:
            offset.write(pack("q", offset_s))


def _compiled(library: Path) -> bool:
    compiler = shutil.which("cc")
    if compiler is None:
        return False
    with as_file(files("flows.chaos") / "wall_clock.c") as source:
        command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
