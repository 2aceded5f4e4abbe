"""Who does the work of a refresh: threads of this process, or the workers of a cluster?

What can be done apart is one function over many items: decoding groups of segments, measuring partitions of a service
date, comparing fuel purchases with positions. A runner maps such a function. `HERE` maps in this process, one item
after the other (kernels use all processors meanwhile); `flows.deployments.clusters` maps on Dask or Ray. What depends
on what was done before, and all writing, stays with whoever holds the writer's lock.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import duckdb
import polars as pl

from flows.settings import Settings
from warehouse.lake import LakeTableFiles
from warehouse.load import add_place_ends

if TYPE_CHECKING:  # kernels, for which a refresh without news need not wait
    from flows.measuring.partitions import Given, Measured, Measuring

Rows = Iterator[Mapping[str, pl.DataFrame]]


class Mapper(Protocol):
    """Calls a function with each item, wherever, and yields the answers in the order of the items."""

    def __call__(self, function: Callable[[Any], Any], items: Iterable[Any], /) -> Iterator[Any]: ...


class Runner(NamedTuple):
    """How to map, and how to measure a service date."""

    map: Mapper
    measuring: "Measuring"


def _measured_here(
    warehouse: duckdb.DuckDBPyConnection, lake: Mapping[str, LakeTableFiles], settings: Settings, given: "Given"
) -> Rows:
    from flows.measuring.partitions import measured_here

    return measured_here(warehouse, lake, settings, given)


HERE = Runner(map, _measured_here)


def runner_over(mapper: Mapper) -> Runner:
    """A runner that measures a service date in partitions."""
    return Runner(mapper, partial(_measured_in_partitions, mapper))


def _measured_in_partitions(
    mapper: Mapper,
    warehouse: duckdb.DuckDBPyConnection,
    lake: Mapping[str, LakeTableFiles],
    settings: Settings,
    given: "Given",
) -> Rows:
    from flows.measuring.partitions import inputs_of, partitioned

    inputs = pickle.dumps(inputs_of(warehouse, lake, settings, given.day))
    parts = partitioned(given.vehicle_dates, settings.partitions)
    packages = ((inputs, given._replace(vehicle_dates=part)) for part in parts)
    for found in mapper(_measured_partition, packages):
        for measured in found:
            add_place_ends(warehouse, measured.place_ends)
            yield measured.rows


def _measured_partition(package: "tuple[bytes, Given]") -> "list[Measured]":
    from flows.measuring.partitions import measure_partition

    inputs, given = package
    return measure_partition(pickle.loads(inputs), given)
