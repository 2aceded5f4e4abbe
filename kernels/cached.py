"""Where is compiled code kept, and how does a fresh process get at it quickly?

numba keeps what it compiled for a function in files: in `NUMBA_CACHE_DIR` where that is set, else beside the module,
else in the user's own cache. Three things are different for kernels:

- An entry is good only while every file of this package has the content it had then (`kernels.compiled.STAMP`); numba
  looks at the function's own file alone.
- What lies beside the module is read even where nobody may write there, as in an installation made by somebody
  else. Where there is no place at all, kernels are compiled anew in each process.
- numba prepares its compiler before it reads an entry, which is two thirds of the time of a first call (2026-11). Code
  that is there already needs numba's runtime only; whoever compiles prepares the compiler anyway.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, InTreeCacheLocator
from numba.core.runtime.nrt import rtsys


class ReadOnlyLocator(InTreeCacheLocator):
    """Beside the module, whether or not anybody may write there."""

    def ensure_cache_path(self) -> None:
        """Make nothing."""


class KernelCacheFiles(CompileResultCacheImpl):
    """As numba finds them; where that finds no place, beside the module for reading."""

    _locator_classes = [*CompileResultCacheImpl._locator_classes, ReadOnlyLocator]  # noqa: RUF012


class KernelCache(FunctionCache):
    """The compiled forms of one kernel, one for each combination of types."""

    _impl_class = KernelCacheFiles

    def __init__(self, core: Callable[..., Any], stamp: str) -> None:
        super().__init__(core)
        # numba offers no setting for this. The stamp is only compared for equality, when an index is read.
        self._cache_file._source_stamp = stamp
        beside = str(Path(core.__code__.co_filename).parent / "__pycache__")
        self._shipped = IndexDataCacheFile(beside, self._impl.filename_base, stamp)

    def kept(self, target_context: Any) -> list[Any]:
        """The combinations of types for which there is a compiled form that this processor can run."""
        found: list[Any] = []
        for files in (self._cache_file, self._shipped):
            with suppress(OSError):
                keys = files._load_index()
                found += [key[0] for key in keys if key == self._index_key(key[0], target_context.codegen())]
        return list(dict.fromkeys(found))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled form, or None."""
        rtsys.initialize(target_context)
        key = self._index_key(sig, target_context.codegen())
        for kept in (self._cache_file, self._shipped):
            with suppress(OSError):
                data = kept.load(key)
                if data is not None:
                    return self._impl.rebuild(target_context, data)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled form, where there is a place for it."""
        with suppress(OSError):
            super().save_overload(sig, data)
