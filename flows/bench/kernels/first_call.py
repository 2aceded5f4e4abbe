"""How long does the first answer of a fresh process take, where kernels were compiled before?"""

import subprocess
import sys
from statistics import median

from flows.bench.figures import Figure, Section

IMPORTS = """
from time import perf_counter
began_s = perf_counter()
import numpy, numba
print(perf_counter() - began_s)
"""

FIRST_ANSWER = """
from time import perf_counter
began_s = perf_counter()
import numpy as np
from kernels.totals import Positions, state_totals
from kernels.track import Limits
two = np.zeros(2, np.int32)
positions = Positions(np.array([0, 2]), np.array([0, 1]), two, two, np.zeros(2, np.float32), np.zeros(2, np.int8))
limits = Limits(np.ones(1, np.int64), np.zeros(1, np.float32), np.zeros(1, np.bool_))
state_totals(positions, limits, move_kmh=5.0, idle_us=1)
print(perf_counter() - began_s)
"""
RUNS = 5
GOAL = 1.7


def first_call_section() -> Section:
    """Take the median of some fresh processes of each kind, in turn."""
    _seconds(FIRST_ANSWER)  # compiles what is not there yet
    importing, answering = zip(*((_seconds(IMPORTS), _seconds(FIRST_ANSWER)) for _ in range(RUNS)), strict=True)
    imports_s, answer_s = median(importing), median(answering)
    imports = "importing numpy and numba"
    return Section(
        "A fresh process, kernels compiled before",
        [
            Figure("state and totals, first answer", answer_s, "s", imports, answer_s / imports_s, GOAL, most=True),
            Figure(imports, imports_s, "s"),
        ],
    )


def _seconds(code: str) -> float:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout)
