import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.quarters import Heard, Quarters, quarters_heard
from tests.kernels.naive import quarters as naive

ROWS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 1),
        st.integers(0, 5_000) | st.integers(0, 6).map(lambda number: 300_000 * number),
        st.integers(0, 4),
        st.integers(0, 10**9),
        st.booleans(),
        st.booleans(),
    ),
    max_size=40,
)
TYPES = (np.int32, np.int32, np.int64, np.int64, np.int64, np.bool_, np.bool_)


@given(ROWS, st.booleans(), st.lists(st.integers(-1, 4), min_size=2, max_size=2))
@settings(deadline=None)
def test_runs_are_those_of_the_naive_version(rows, is_sorted, reached):
    rows = sorted(rows, key=lambda row: (row[0], row[2])) if is_sorted else rows
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(TYPES)
    heard = Heard(*(np.array(values, dtype) for values, dtype in zip(columns, TYPES, strict=True)))
    found = quarters_heard(heard, np.array(reached, np.int64))
    listed = [dict(zip(Quarters._fields, run, strict=True)) for run in zip(*(v.tolist() for v in found), strict=True)]
    assert listed == naive.quarters_heard(rows, reached)
