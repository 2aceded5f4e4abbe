"""Is compiled code from an earlier process used again, and never when it is stale?"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import kernels

# A kernel that is quickly compiled, with a constant of another module.
PROBE = """
from numba import prange
from kernels.compiled import kernel
from kernels.geometry import EARTH_RADIUS_M

@kernel
def radius_m(answer):
    for row in prange(answer.size):
        answer[row] = EARTH_RADIUS_M
"""

ASK = """
import numpy as np
from kernels.probe import radius_m
answer = np.zeros(2)
radius_m(answer)
print(int(answer[1]), sum(radius_m.stats.cache_hits.values()))
"""

# Permissions would not do where tests run as root.
WRITES_ARE_REFUSED = """
import builtins, os, tempfile
def refused(*given, **options):
    raise PermissionError("nobody may write here")
def opened(file, mode="r", *given, **options):
    return refused() if "w" in mode else really_open(file, mode, *given, **options)
really_open, builtins.open = builtins.open, opened
tempfile.TemporaryFile = os.makedirs = refused
"""

LOAD_KEPT = """
from kernels.compiled import load_kept
from kernels.probe import radius_m
load_kept()
print(len(radius_m.overloads))
"""

WHAT_THE_COMPILER_NEEDS = """
import sys
print("numba.np.arraymath" in sys.modules)
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the kernels in which one of them was compiled."""
    folder = tmp_path_factory.mktemp("tree")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(kernels.__file__).parent, folder / "kernels", ignore=ignore)
    (folder / "kernels" / "probe.py").write_text(PROBE)
    assert ask(folder).split() == ["6371008", "0"]
    return folder


def copy_of(tree, folder):
    shutil.copytree(tree, folder / "copy")
    return folder / "copy"


def ask(folder: Path, before: str = "", after: str = "", **settings: str) -> str:
    """Return the radius of the earth and whether the kernel that knows it came from the cache."""
    environment = {**os.environ, "PYTHONPATH": str(folder), **settings}
    environment.pop("NUMBA_CACHE_DIR", None)
    command = [sys.executable, "-c", before + ASK + after]
    return subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_an_edit_in_another_module_of_the_package_is_never_missed(tree, tmp_path):
    folder = copy_of(tree, tmp_path)
    assert ask(folder).split() == ["6371008", "1"]
    geometry = folder / "kernels" / "geometry.py"
    geometry.write_text(geometry.read_text().replace("6_371_008.8", "6_371.0"))
    assert ask(folder).split() == ["6371", "0"]


def test_a_copied_tree_brings_its_compiled_code_and_the_compiler_is_not_prepared_for_it(tree, tmp_path):
    assert ask(copy_of(tree, tmp_path), after=WHAT_THE_COMPILER_NEEDS).split() == ["6371008", "1", "False"]


def test_what_is_kept_is_loaded_before_it_is_called_and_nothing_is_compiled_for_that(tree, tmp_path):
    folder = copy_of(tree, tmp_path)
    assert ask(folder, LOAD_KEPT).split() == ["1", "6371008", "1"]
    assert ask(folder, LOAD_KEPT, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="").split() == ["0", "6371008", "0"]


def test_compiled_code_in_an_installation_that_nobody_may_write_to_is_used(tree):
    assert ask(tree, WRITES_ARE_REFUSED).split() == ["6371008", "1"]


def test_without_a_place_for_a_cache_kernels_are_compiled_in_each_process(tree, tmp_path):
    folder = copy_of(tree, tmp_path)
    shutil.rmtree(folder / "kernels" / "__pycache__")
    assert ask(folder, WRITES_ARE_REFUSED).split() == ["6371008", "0"]
    assert not list(folder.rglob("*.nbi"))
