"""Segments of collectors elsewhere come through a store: each once, whole, and whatever dies in between."""

import shutil
from types import SimpleNamespace

import pyarrow.fs as arrow_files
import pytest
from typer.testing import CliRunner

import ingest.handed_over
import ingest.shipping
from flows.cli import app
from flows.findings import spools
from ingest.handed_over import fetch, forget, is_fetched
from ingest.lake import lake_rows, load_spool
from ingest.reached import segments_reached, waiting_segments
from ingest.shipping import expire_shipped, ship, shipped_number, shipping, unshipped
from ingest.spool import sealed_segments, spool_folders
from ingest.stores import StoreFailed, files_at
from tests.builders import collected, golden_points, positions, settings_in, yesterday_at


class Died(BaseException):
    """As if the process had been killed here: nothing tidies up after it."""


@pytest.fixture
def line(tmp_path, bucket):
    """Settings of a machine that collects and of one that loads, and the spool of the first."""
    collecting = settings_in(tmp_path / "collecting", spool_url=f"{bucket}/handed/over")
    loading = settings_in(tmp_path / "loading", spool_url=collecting.spool_url)
    return collecting, loading, collecting.spool_dir / "main"


def sealed(settings, count: int, first_hour: int = 1) -> None:
    for hour in range(first_hour, first_hour + count):
        collected(settings, [positions(golden_points(yesterday_at(hour)))])


def shipped_names(settings) -> list[str]:
    files, root = files_at(settings.spool_url)
    selector = arrow_files.FileSelector(root, recursive=True, allow_not_found=True)
    return sorted(each.path.removeprefix(f"{root}/") for each in files.get_file_info(selector) if each.is_file)


def test_segments_of_another_machine_are_loaded_once(line):
    collecting, loading, folder = line
    sealed(collecting, 2)
    assert ship(collecting, folder) == 2
    assert load_spool(loading).positions == 32
    sealed(collecting, 1, first_hour=5)
    assert ship(collecting, folder) == 1
    assert load_spool(loading).positions == 16
    assert load_spool(loading).messages == 0
    (here,) = spool_folders(loading.spool_dir)
    assert is_fetched(here)
    assert here.name == (folder / "id").read_text()
    assert [path.path.read_bytes() for path in sealed_segments(here)] == [
        path.path.read_bytes() for path in sealed_segments(folder)
    ]


def test_what_expired_here_is_not_fetched_again(line):
    collecting, loading, folder = line
    sealed(collecting, 1)
    ship(collecting, folder)
    load_spool(loading)
    (here,) = spool_folders(loading.spool_dir)
    for segment in sealed_segments(here):
        segment.path.unlink()
    assert load_spool(loading).messages == 0
    assert sealed_segments(here) == []


@pytest.mark.parametrize("at", ["before the upload", "in the upload", "after the upload"])
def test_a_shipper_that_dies_ships_each_segment_once_all_the_same(line, monkeypatch, at):
    collecting, loading, folder = line
    sealed(collecting, 3)
    upload, note = ingest.shipping._upload, ingest.shipping.replace_file

    def dies_at_the_second(files, path, segment):
        if segment.number == 2 and at == "before the upload":
            raise Died
        if segment.number == 2 and at == "in the upload":
            with files.open_output_stream(f"{path}.part") as stream:
                stream.write(segment.path.read_bytes()[:100])
            raise Died
        upload(files, path, segment)

    def dies_before_the_note(path, content):
        if at == "after the upload" and content == b"2":
            raise Died
        note(path, content)

    monkeypatch.setattr(ingest.shipping, "_upload", dies_at_the_second)
    monkeypatch.setattr(ingest.shipping, "replace_file", dies_before_the_note)
    with pytest.raises(Died):
        ship(collecting, folder)
    assert shipped_number(folder) == 1
    monkeypatch.undo()
    assert load_spool(loading).positions in (16, 32)
    ship(collecting, folder)
    load_spool(loading)
    assert lake_rows(loading)["positions"] == 48


def test_a_fetch_that_dies_leaves_whole_segments_and_is_gone_on_with(line, monkeypatch):
    collecting, loading, folder = line
    sealed(collecting, 3)
    ship(collecting, folder)
    write, count = ingest.handed_over.write_all, 0

    def dies_in_the_second(descriptor, content):
        nonlocal count
        count += 1
        write(descriptor, content[:50] if count == 2 else content)
        if count == 2:
            raise Died

    monkeypatch.setattr(ingest.handed_over, "write_all", dies_in_the_second)
    with pytest.raises(Died):
        load_spool(loading)
    monkeypatch.undo()
    (here,) = spool_folders(loading.spool_dir)
    assert [segment.number for segment in sealed_segments(here)] == [1]
    load_spool(loading)
    assert lake_rows(loading)["positions"] == 48


def test_an_object_of_other_bytes_is_never_replaced(line, tmp_path):
    collecting, _, folder = line
    twin = settings_in(tmp_path / "twin", spool_url=collecting.spool_url)
    sealed(collecting, 1)
    shutil.copytree(collecting.spool_dir, twin.spool_dir)
    ship(collecting, folder)
    (twin.spool_dir / "main" / "000000000001.parquet").unlink()
    (twin.spool_dir / "main" / "number").unlink()
    collected(twin, [positions(golden_points(yesterday_at(9)), "other")])
    with pytest.raises(StoreFailed, match="other bytes"):
        ship(twin, twin.spool_dir / "main")
    assert shipped_number(twin.spool_dir / "main") == 0


@pytest.mark.parametrize(("lists", "seen"), [(([2], [1, 2]), [1, 2]), (([1], [1, 3]), [1]), (([], [2]), [])])
def test_a_list_that_misses_a_segment_hides_those_after_it(lists, seen):
    """Lists come in pages: one that was begun before segment 1 or 2 came may have 2 or 3 and not it."""
    waiting = list(lists)

    class Paged:
        def get_file_info(self, _):
            return [SimpleNamespace(base_name=f"{number:012d}.parquet") for number in waiting.pop(0)]

    assert list(ingest.handed_over._shipped(Paged(), "spool")) == seen


def test_what_is_in_the_lake_leaves_the_store_after_a_day_and_the_rest_stays(line):
    collecting, loading, folder = line
    sealed(collecting, 1)
    ship(collecting, folder)
    load_spool(loading)
    sealed(collecting, 1, first_hour=5)
    ship(collecting, folder)
    reached = segments_reached(loading)
    assert forget(loading, reached) == 0  # of today
    assert forget(loading, reached, kept_h=0) == 1
    assert [name.rpartition("/")[2] for name in shipped_names(loading)] == ["000000000002.parquet"]
    assert load_spool(loading).positions == 16


def test_a_collector_lets_go_of_what_was_shipped_only(line):
    collecting, _, folder = line
    at_once = collecting.model_copy(update={"shipped_days": 0})
    sealed(collecting, 2)
    assert expire_shipped(at_once, folder) == 0
    ship(collecting, folder)
    sealed(collecting, 1, first_hour=5)
    assert expire_shipped(collecting, folder) == 0
    assert expire_shipped(at_once, folder) == 2
    assert [segment.number for segment in unshipped(folder)] == [3]


def test_a_collector_over_its_size_lets_go_of_the_oldest(line):
    collecting, _, folder = line
    sealed(collecting, 2)
    ship(collecting, folder)
    newest = sealed_segments(folder)[1]
    small = collecting.model_copy(update={"spool_max_gb": (newest.path.stat().st_size + 1) / 1e9})
    assert expire_shipped(small, folder) == 1
    assert sealed_segments(folder) == [newest]


def test_what_was_sealed_last_is_shipped_when_the_collector_stops(line):
    collecting, loading, folder = line
    with shipping(collecting, folder):
        sealed(collecting, 1)
    assert len(shipped_names(loading)) == 1


def test_a_store_that_is_away_keeps_segments_here_and_status_says_how_many(line, monkeypatch):
    collecting, _, folder = line
    sealed(collecting, 2)
    with monkeypatch.context() as broken:
        broken.setenv("AWS_ACCESS_KEY_ID", "stolen")
        with pytest.raises(StoreFailed, match="this key"):
            ship(collecting, folder)
    found = {finding.topic: finding.text for finding in spools(collecting)}
    assert found["spool main"].startswith("2 segments not yet handed over, the oldest for ")
    ship(collecting, folder)
    found = {finding.topic: finding.text for finding in spools(collecting)}
    assert found["spool main"] == "handed over up to segment 2"


def test_status_shows_a_spool_from_elsewhere_without_a_collector(line):
    collecting, loading, folder = line
    sealed(collecting, 1)
    ship(collecting, folder)
    load_spool(loading)
    (finding,) = spools(loading)
    assert finding.topic == f"spool {(folder / 'id').read_text()}"
    assert finding.text.endswith("all in the lake")
    assert list(waiting_segments(loading).values()) == [[]]


def test_the_command_hands_over_what_a_collector_left(line, monkeypatch):
    collecting, loading, _ = line
    sealed(collecting, 1)
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(collecting.data_dir))
    asked = CliRunner().invoke(app, ["ship"])
    assert (asked.exit_code, "ODOGRAPH_SPOOL_URL is not set" in asked.output) == (2, True)
    monkeypatch.setenv("ODOGRAPH_SPOOL_URL", str(collecting.spool_url))
    asked = CliRunner().invoke(app, ["ship"])
    assert (asked.exit_code, asked.output) == (0, "spool main: 1 segments handed over\n")
    assert fetch(loading, lambda _: 0) == 1
