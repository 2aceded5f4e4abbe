"""Which source does a foreign topic belong to, and whose vehicle is it?

A mapping file goes before what comes with Odograph, and a literal level before a placeholder. So one feed of a known
format that uses another unit is a mapping of its own topics, and nothing is guessed from values.
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

from ingest.adapters.mapped import MappedSource
from ingest.adapters.mapping import Mapping, MappingError, filled, levels_of, read_mappings, subscription_of
from ingest.adapters.openxc import OpenXC
from ingest.adapters.owntracks import OwnTracks
from ingest.adapters.readings import Source, name_of
from ingest.received import Undecodable
from ingest.settings import IngestSettings
from ingest.topics import covers, without_covered

DEFAULT_TENANT = "default"


class Found(NamedTuple):
    """The source of a message, with what its topic says."""

    source: Source
    tenant_id: str
    levels: dict[str, str]


class Sources:
    """Every foreign format that is understood: ours, and before them those of mapping files."""

    def __init__(self, mapped: Iterable[Source] = (), tenant: str = DEFAULT_TENANT) -> None:
        self._tenant = tenant
        self._routes = [*_routes(mapped), *_routes(built_in())]
        self.subscriptions = without_covered(tuple(subscription for _, subscription, _, _ in self._routes))

    def patterns(self) -> dict[str, list[str]]:
        """The topics of each source, by its name."""
        named: dict[str, list[str]] = {}
        for _, _, pattern, source in self._routes:
            named.setdefault(source.name, []).append(pattern)
        return dict(sorted(named.items()))

    def find(self, topic: str) -> Found | None:
        """The source of a topic; None for a topic of no source."""
        for _, subscription, pattern, source in self._routes:
            if covers(subscription, topic):
                levels = levels_of(pattern, topic)
                try:
                    tenant_id = self._tenant if source.tenant is None else name_of(filled(source.tenant, levels))
                except Undecodable:
                    return None
                return Found(source, tenant_id, levels)
        return None


_Route = tuple[list[int], str, str, Source]  # how vague, subscription, pattern, source


def _routes(sources: Iterable[Source]) -> list[_Route]:
    routes = []
    for source in sources:
        for pattern in source.patterns:
            subscription = subscription_of(pattern)
            vagueness = [("+", "#").index(level) + 1 if level in ("+", "#") else 0 for level in subscription.split("/")]
            routes.append((vagueness, subscription, pattern, source))
    return sorted(routes, key=lambda route: route[:2])


@cache
def built_in() -> tuple[Source, ...]:
    """The formats that come with Odograph."""
    with as_file(files("ingest") / "mappings") as folder:
        return (OwnTracks(), OpenXC(), *map(MappedSource, _read_all(sorted(folder.glob("*.toml")))))


@cache
def built_in_only() -> Sources:
    """The formats that come with Odograph, in the default tenant."""
    return Sources()


def read_sources(settings: IngestSettings) -> Sources:
    """Add the mapping files to what comes with Odograph; raise MappingError if a file does not fit."""
    return Sources(map(MappedSource, _read_all(_mapping_files(settings))), settings.foreign_tenant)


def _mapping_files(settings: IngestSettings) -> list[Path]:
    place = settings.mappings or settings.data_dir / "mappings"
    if place.is_dir():
        return sorted(place.glob("*.toml"))
    if settings.mappings is not None and not place.is_file():
        raise MappingError([f"ODOGRAPH_MAPPINGS={str(place)!r}: no such file or folder"])
    return [place] if place.is_file() else []


def _read_all(paths: Iterable[Path]) -> list[Mapping]:
    mappings: list[Mapping] = []
    problems: list[str] = []
    claimed: dict[str, str] = {}
    for path in paths:
        try:
            found = read_mappings(path)
        except MappingError as error:
            problems += error.problems
            continue
        for mapping in found:
            for pattern in mapping.topics:
                owner = claimed.setdefault(subscription_of(pattern), mapping.name)
                if owner != mapping.name:
                    problems.append(f"{path.name}: {mapping.name}: topics: {pattern} belongs to {owner} already")
        mappings += found
    if problems:
        raise MappingError(problems)
    return mappings
