"""Is compiled code from an earlier process used again, and never when it is stale?"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import kernels

ASK = """
import numpy as np
from kernels.places import good_places
from kernels.track import Track
e7 = np.array([0, 10_000], np.int32)
track = Track(np.array([0, 2]), np.array([0, 1_000_000]), e7, e7 * 0, np.ones(2, bool),
              np.zeros(2, np.float32), np.ones(2, np.int8), np.zeros(2))
from kernels import places
print(good_places(track).jump_count[0], sum(places._judge.stats.cache_hits.values()))
"""


def ask(folder: Path) -> str:
    """Return the number of jumps (111 m in one second) and whether the kernel came from the cache."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment.pop("NUMBA_CACHE_DIR", None)
    command = [sys.executable, "-c", ASK]
    return subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_an_edit_in_another_module_of_the_package_is_never_missed(tmp_path):
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(kernels.__file__).parent, tmp_path / "kernels", ignore=ignore)
    assert ask(tmp_path).split() == ["1", "0"]
    assert ask(tmp_path).split() == ["1", "1"]
    geometry = tmp_path / "kernels" / "geometry.py"
    geometry.write_text(geometry.read_text().replace("6_371_008.8", "6_371.0088"))
    assert ask(tmp_path).split() == ["0", "0"]
