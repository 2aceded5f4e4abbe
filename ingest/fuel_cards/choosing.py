"""Which mapping does a file of a provider go by?

Those that come with Odograph, and before them one's own: `fuel_cards/*.toml` below the folder of mappings.
"""

from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from ingest.fuel_cards.mapping import Mapping, MappingError, read_mapping
from ingest.settings import IngestSettings

FOLDER = "fuel_cards"


def mappings(settings: IngestSettings) -> dict[str, Mapping]:
    """Every mapping there is, by name; raise MappingError if one does not fit."""
    return built_in() | _by_name(_own_folder(settings))


def chosen(settings: IngestSettings, provider: str, named: str | None) -> Mapping:
    """The mapping of a provider, or the one named: a file or a name."""
    if named is not None and (named.endswith(".toml") or Path(named).is_file()):
        return read_mapping(Path(named))
    known = mappings(settings)
    name = named or provider
    if name not in known:
        raise MappingError(
            [
                f"no mapping is called {name!r}; there are {', '.join(sorted(known))}."
                f" Name one with --mapping, or write your own (docs/fuel-cards.md)"
            ]
        )
    return known[name]


@cache
def built_in() -> dict[str, Mapping]:
    """The mappings that come with Odograph."""
    with as_file(files("ingest") / "fuel_cards" / "mappings") as folder:
        return _by_name(folder)


def _own_folder(settings: IngestSettings) -> Path:
    place = settings.mappings or settings.data_dir / "mappings"
    return (place if place.is_dir() else place.parent) / FOLDER


def _by_name(folder: Path) -> dict[str, Mapping]:
    found = [read_mapping(path) for path in sorted(folder.glob("*.toml"))]
    return {mapping.name: mapping for mapping in found}
