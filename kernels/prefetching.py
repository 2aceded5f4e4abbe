"""Ask the processor for rows before they are needed.

A processor sees by itself that columns are read in order, but not which values at the ends of runs and stands will be
looked at, and each of those costs as long as memory takes to answer: on the machine of docs/performance.md as long as
fifty rows of `kernels.totals`. Asked for ahead, they are there when it comes to them.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

_READ, _KEEP, _DATA = 0, 3, 1  # to be read, by this core and soon, and not as code


def _prefetch(_: Any, values: Any, row: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, value=arguments[0])
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        takes = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        ask = cgutils.get_or_insert_function(builder.module, takes, "llvm.prefetch.p0")
        place = builder.bitcast(builder.gep(array.data, [arguments[1]]), byte)
        builder.call(ask, [place, number(_READ), number(_KEEP), number(_DATA)])
        return context.get_dummy_value()

    return types.void(values, row), build


def _nothing(values: Any, row: Any) -> None:
    """Stand in where kernels are plain Python, with NUMBA_DISABLE_JIT."""


# For kernels: `prefetch(values, row)` asks for `values[row]` and its neighbours; a row that is not there is no error.
prefetch: Any = _nothing if config.DISABLE_JIT else intrinsic(_prefetch)  # type: ignore[attr-defined]
