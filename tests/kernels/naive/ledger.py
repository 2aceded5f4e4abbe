"""Which maximal runs of equal labels are there: the twin of `runs` and `ledger`."""

from itertools import groupby

from tests.kernels.tracks import Row


def runs(labels: list[int]) -> list[tuple[int, int]]:
    """Return first row and end row of the runs of one group; its last row has no interval."""
    found = []
    for _, members in groupby(range(len(labels) - 1), key=labels.__getitem__):
        rows = list(members)
        found.append((rows[0], rows[-1] + 1))
    return found


def ledger(rows: list[Row], labels: list[tuple[int, ...]], step_m: list[float]) -> list[tuple[object, ...]]:
    """Return start, end, labels, "same state as before" and metres of the runs of one group."""
    counted = [i for i in range(len(rows) - 1) if rows[i + 1].time_us > rows[i].time_us]
    found: list[tuple[object, ...]] = []
    parts = [list(members) for _, members in groupby(counted, key=labels.__getitem__)]
    for number, part in enumerate(parts):
        first = 0 if number == 0 else parts[number - 1][-1] + 1
        end = part[-1] + 1 if number + 1 < len(parts) else len(rows) - 1
        continues = number > 0 and labels[parts[number - 1][0]][0] == labels[part[0]][0]
        metres = sum(step_m[first:end])
        found.append((rows[first].time_us, rows[end].time_us, labels[part[0]], continues, metres))
    return found
