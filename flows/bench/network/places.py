"""Where are the points of a network put?"""

from enum import StrEnum


class Into(StrEnum):
    """What of the line is measured: all behind the collector, or all behind the loader."""

    spool = "spool"
    lake = "lake"
