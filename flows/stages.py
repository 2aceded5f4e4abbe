"""How long did each stage of a refresh take? Said in the log when it ends, and kept for the metrics."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

logger = logging.getLogger(__name__)

LOAD, NOTE, REBUILD, PUBLISH = "load", "note arrivals", "rebuild", "publish"
STAGES = (LOAD, NOTE, REBUILD, PUBLISH)


class Stages:
    """Seconds by stage; one that comes again is added to what it took before, one that did not come took none."""

    def __init__(self) -> None:
        self._began_s = monotonic()
        self.seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Time the block, also where it raises."""
        began_s = monotonic()
        try:
            yield
        finally:
            took_s = monotonic() - began_s
            self.seconds[stage] += took_s
            logger.info("%s took %.2f s", stage, took_s, extra={"stage": stage, "seconds": round(took_s, 3)})

    @property
    def all_s(self) -> float:
        """Seconds since the first stage began, with what lies between stages."""
        return monotonic() - self._began_s
