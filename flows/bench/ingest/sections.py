"""Which sections has `odograph bench ingest`, in the order they are run?"""

from collections.abc import Callable

from flows.bench.figures import Section
from flows.bench.ingest.consumers import consumers
from flows.bench.ingest.live import live
from flows.bench.ingest.runs import Plan

SECTIONS: dict[str, Callable[[Plan], Section]] = {
    "consumers": consumers,
    "live": live,
}
