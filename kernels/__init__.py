"""Kernels answer one question each about groups of rows: arrays in, arrays out.

A group is whatever deserves one answer, such as one van on one service date. Rows are sorted by
group, then by time. A kernel is a public function that checks, allocates and names the result,
over a jitted core that loops, allocates nothing for a row and raises nothing.

The order in which one day passes through them:

    track      the columns every kernel reads; do they fit together
    engine     is the engine on: from rpm, ignition or voltage
    places     which fixes can be true, which are jumps
    speeds     a missing speed, from the places around it
    states     off, unknown, idle, drive, ready or parked, for every interval
    distance   metres of every interval, and how they were found
    runs       maximal stretches of one label; idle runs and idle events
    stops      park episodes: where the van stood, and when
    sampling   was the van sampled finely enough to see its hand-offs
    matching   which planned stop, which fuel site
    traffic    a wait in traffic or a hand-off
    kinds      what an episode was for, and the context of every interval
    phases     pre, stem out, on route, stem back, post
    polygons   which places are in which areas
    fuel_levels  how full the tank was, and when it was filled up (`gauge` has its parts)
    ledger     maximal runs of one state in one context, phase and route; the root of all sums

Most days need none of the judgement in `places` to `stops`. For those there is a short way to the same answer:

    ordinary   which groups are ordinary, and their runs of states and park episodes, in one pass over the rows
               (`ordinary_rows` and `ordinary_stops` have its parts, `untouched` and `gathering`
               hold what is found)
    ordinary_ledger  the ledger of these groups, from runs instead of rows

and, beside that day, of a fuel purchase:

    presence   which vans were near the site
    pump       what the assigned van says about it: levels, engine, odometer

and, beside the ledger, for a quick answer over many points:

    arrival  rows as they arrived into the order of devices and times, repeats marked
    totals   time in each state, metres and idle events of every group, in one pass (`stretches` has its metres, and
             `prefetching`, as in `traffic`, asks the processor for rows before they are needed)
    quarters  what positions hold of each sender and quarter of an hour, to note what arrived

and, before any of it, of messages as they arrived:

    json_points  the points of many native messages, from their bytes (`point_cells` says where they lie)
    packed       those of messages that a gateway packed

and, of bytes, for the collector:

    packets    where in a stream of MQTT packets the messages are
    sequences  which numbers the points of a message have, for its receipt

What holds for all of them:

- Time is whole microseconds in int64, so sums are exact.
- Parallel over groups, rows or results, each thread writing its own elements only, and sums taken
  in row order: the answer does not depend on the number of threads, nor on how groups are dealt
  into calls.
- Fast-math stays off: NaN means "not sent". Where sums should be added many at a time, they are sums of integers
  (`stretches`), which are the same in any order.
- Cores release the interpreter lock.
- Input is never written to: cores see read-only views.
- Several rows at one instant are one moment: only the last of them, in the order given, has an
  interval; exact copies of rows change nothing.

Compiled code is cached on disk, so that only the first command ever waits for the compiler. numba
notices edits in the file of a cached function only, not in modules it imports helpers or constants
from. `kernels.compiled` therefore stamps every cache entry with the content of this whole package:
an edit anywhere in it compiles all kernels again, and a stale answer is not possible.

Threads: with numba's OpenMP layer (the usual one on Linux) kernels may be called from several
threads at once. Start pools of processes with "spawn" or "forkserver": a process that forks after
a kernel ran cannot run kernels in the child.
"""
