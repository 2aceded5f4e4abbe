"""Which sections has `odograph bench ingest`, in the order they are run?"""

from collections.abc import Callable

from flows.bench.figures import Section
from flows.bench.ingest.consumers import consumers
from flows.bench.ingest.decoders import decode_section
from flows.bench.ingest.live import live
from flows.bench.ingest.runs import Plan
from flows.bench.ingest.whole import whole_section

SECTIONS: dict[str, Callable[[Plan], Section]] = {
    "consumers": consumers,
    "decode": lambda plan: decode_section(plan.share),
    "whole": lambda plan: whole_section(plan.share),
    "live": live,
}
