"""How is a kernel compiled, and when may compiled code from an earlier process be used again?

`kernel` is for the loop a public function calls: it releases the interpreter lock, runs its
`prange` loops on all threads, and is cached on disk. `part` is for functions that kernels call; `light_part` for
those that are called for every few rows and make no arrays.

A core writes to arrays that are arguments of their own. What a `prange` loop writes to a field of a
named tuple is lost: numba 0.68 takes the loop for one without effect and removes it.

numba also compiles, for every function, how Python calls it and how C does. Nothing calls a part but kernels, and
nothing calls a kernel from C: without those wrappers all kernels are compiled in two thirds of the time (2026-11).

A cached kernel is used again only while every file of this package has the content it had when
the kernel was compiled (see the package docstring, and `kernels.cached` for where it is kept).
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numba

from kernels.cached import KernelCache

# Threads of numba's OpenMP layer that wait for each other otherwise burn their core, which the collector
# or another job may need: on two busy cores the tests of this package took 72 s instead of 13 s (2026-11).
# Read when the first kernel runs; whoever set it knows better.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


# Of `Any` type, as numba's annotations leave out the options for wrappers.
njit: Any = numba.njit


def _package_stamp() -> str:
    """Return a digest of the content of all modules of this package."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


STAMP = _package_stamp()
_KERNELS: list[Any] = []  # of all modules that are loaded


def kernel(core: Callable[..., Any]) -> Callable[..., Any]:
    """Compile the core of a kernel: parallel, without the interpreter lock, cached."""
    return _cached(core, parallel=True)


def serial_kernel(core: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel that has nothing to share among threads; that takes half the time."""
    return _cached(core, parallel=False)


def _cached(core: Callable[..., Any], *, parallel: bool) -> Callable[..., Any]:
    compiled: Any = njit(nogil=True, parallel=parallel, no_cfunc_wrapper=True)(core)
    if hasattr(compiled, "_cache"):  # not with NUMBA_DISABLE_JIT, where a kernel stays plain Python
        compiled._cache = KernelCache(core, STAMP)
        _KERNELS.append(compiled)
    return cast(Callable[..., Any], compiled)


def load_kept() -> None:
    """Load what is kept of the kernels of all modules that are loaded, so that first calls find it.

    What is not kept is not compiled; but an entry whose file is gone is.
    """
    for compiled in _KERNELS:
        for types in compiled._cache.kept(compiled.targetctx):
            compiled.compile(types)


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function for use inside kernels; it is cached as a part of its callers."""
    return cast(Callable[..., Any], njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function))


def light_part(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a part that neither makes arrays nor is handed any by what it calls.

    It does without numba's runtime, which counts who holds an array: at every call of a `part`, once up and once down
    for each array it is given. With three arrays that took 30 ns, three times what the rest of the call took (2026-11).
    """
    compiled = njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)(function)
    return cast(Callable[..., Any], compiled)
