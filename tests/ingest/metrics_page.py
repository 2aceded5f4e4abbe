"""A collector with its metrics page, as Prometheus sees it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingest.children import free_port
from ingest.collector import collect
from ingest.settings import IngestSettings
from ingest.spool import flush_to_disk


class Page:
    """The metrics page of a collector."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/metrics"

    def text(self) -> str:
        with urlopen(self.url, timeout=5) as answer:
            return str(answer.read().decode())

    def values(self) -> dict[str, float]:
        """Every sample by its name and labels."""
        text = self.text()
        families = list(text_string_to_metric_families(text))
        assert all(family.documentation for family in families)
        assert "refresh.prom" in text, "what only a refresh knows is pointed to"
        return {
            sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
            for family in families
            for sample in family.samples
        }

    def __getitem__(self, name: str) -> float:
        return self.values()[f"odograph_{name}"]


@contextmanager
def served(tmp_path: Path, url: str, sync: Callable[[int], None] = flush_to_disk) -> Iterator[Page]:
    """Run a collector with a metrics page."""
    page = Page(port := free_port())
    settings = IngestSettings.read(_env_file=None, data_dir=tmp_path, broker_url=url, metrics_port=port, seal_s=0.2)
    stopping = threading.Event()
    thread = threading.Thread(target=collect, args=(settings, stopping), kwargs={"sync": sync})
    thread.start()
    try:
        yield page
    finally:
        stopping.set()
        thread.join(20)
    with pytest.raises(URLError):
        page.values()
