"""What rows hold of each sender and quarter of an hour, cell by cell and run by run, by lists."""

from itertools import groupby


def quarters_heard(rows: list[tuple], reached: list[int]) -> list[dict[str, int]]:
    """Rows are (sender, spool, fix_ms, segment_no, received_us, is_live, is_whole); returns the fields of each run."""
    cells: list[list[int]] = []
    for number, row in enumerate(rows):
        before = rows[cells[-1][-1]] if cells else None
        if before and before[0] == row[0] and before[2] // 900_000 == row[2] // 900_000 and before[2] <= row[2]:
            cells[-1].append(number)
        else:
            cells.append([number])
    found = []
    for cell, numbers in enumerate(cells):
        seen: set[int] = set()
        for (_, _, is_new), run in groupby(
            numbers, lambda number: (rows[number][1], rows[number][6], rows[number][3] > reached[rows[number][1]])
        ):
            of_run = list(run)
            live = [number for number in of_run if rows[number][5]]
            seconds = {rows[number][2] // 1000 for number in of_run}
            found.append(
                {
                    "cell": cell,
                    "first_row": of_run[0],
                    "is_new": int(is_new),
                    "last_ms": max(rows[number][2] for number in of_run),
                    "first_segment_no": min(rows[number][3] for number in of_run),
                    "last_segment_no": max(rows[number][3] for number in of_run),
                    "first_received_us": min(rows[number][4] for number in of_run),
                    "last_received_us": max(rows[number][4] for number in of_run),
                    "newest_row": max(live, key=lambda number: (rows[number][2], -number), default=-1),
                    "position_count": len(of_run),
                    "backlog_count": len(of_run) - len(live),
                    "second_count": len(seconds - seen),
                }
            )
            seen |= seconds
    return found
