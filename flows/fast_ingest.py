"""Which compiled code does ingest get, which may not know numba itself?

`ingest` says what it needs and has a plain form of it; here the kernels are handed over in its place. Nothing is
imported before a function is called: whoever calls it decides who waits.
"""

from functools import cache

import numpy as np

from ingest.packets import PacketTools, empty_table


@cache
def packet_tools() -> PacketTools:
    """The scanner of MQTT packets, ready: compiled, or loaded from the cache, before it is handed out."""
    from kernels.packets import gather, scan

    stream, table = np.zeros(8, np.uint8), empty_table(1)
    scan(stream, 0, 0, True, 1, table)
    gather(stream, table[0, :0], table[1, :0], stream[:0])
    return PacketTools(scan, gather)
