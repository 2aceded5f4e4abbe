"""What `odograph bench network` makes up is what it says, whichever way it comes into the lake."""

from itertools import chain
from types import SimpleNamespace

import numpy as np
import pyarrow.compute as pc
import pytest

from flows.bench.line.build import register
from flows.bench.line.campaign import settings_of
from flows.bench.line.fleet import DAY
from flows.bench.network.arriving import write
from flows.bench.network.campaign import NetworkTooLarge, Step, check_room, lake_files_of
from flows.bench.network.capacity import BadPrices, Machine, capacity, read_prices
from flows.bench.network.days import late_stretches, lived_days, stretches
from flows.bench.network.measured import stage
from flows.bench.network.places import Into
from flows.bench.network.vans import FAST_POINTS, SLOW_POINTS, network_of, vans_for
from flows.opening import opened_line
from flows.refresh import stale_dates
from ingest.columns import POSITIONS
from ingest.lake import opened_table
from warehouse.connection import writer_lock

pytestmark = pytest.mark.campaign

DAY_MS = 86_400_000
HALF_AN_HOUR_US = 1_800_000_000
VANS = 4  # three quick ones on time, a slow one that is late


@pytest.fixture(scope="module")
def network():
    return network_of(VANS)


@pytest.fixture(scope="module")
def days(network):
    return lived_days(network)


def rows_of(settings):
    rows = opened_table(POSITIONS, settings).to_pyarrow_table().drop_columns(["payload_hash", "spool_id"])
    return rows.sort_by([(name, "ascending") for name in POSITIONS.sort_by])


def test_as_messages_and_as_rows_a_network_is_the_same(network, days, tmp_path):
    spooled, laid = settings_of(tmp_path / "spool"), settings_of(tmp_path / "lake")
    for settings, into in ((spooled, Into.spool), (laid, Into.lake)):
        all_of_it = chain(stretches(network, days), late_stretches(network, days, network.late))
        written = write(settings, into, network, days, all_of_it, seal_us=HALF_AN_HOUR_US)
        assert written.points == network.points.sum() == 3 * FAST_POINTS + SLOW_POINTS
    loaded = stage("load", spooled)
    assert (loaded["positions"], loaded["rejects"]) == (written.points, 0)
    assert (loaded["messages"], loaded["segments"]) == (written.messages, written.segment)
    one, other = rows_of(spooled), rows_of(laid)
    assert one.column_names == other.column_names
    assert [name for name in one.column_names if not one[name].equals(other[name])] == []


def test_a_late_van_is_heard_a_day_later_and_a_dead_zone_minutes_later(network, days):
    for found in stretches(network, days):
        last_ms = days.lived.fix_ms[found.first_row + found.points - 1] + network.later_ms[found.van]
        behind_s = found.received_us / 1e6 - last_ms / 1e3
        assert behind_s[~found.is_backlog].max() < 5
        assert behind_s.max() < 2 * 3600
        assert (np.diff(found.received_us) >= 0).all()
    assert network.late.tolist() == [3]
    (late,) = late_stretches(network, days, network.late)
    assert (late.received_us / 1e3 - days.lived.fix_ms[late.first_row] > DAY_MS).all()
    assert late.points.sum() == SLOW_POINTS
    backlog = np.concatenate([found.is_backlog for found in stretches(network, days)])
    assert 0 < backlog.sum() < 0.1 * backlog.size


def test_stages_count_what_arrived_and_merging_leaves_a_file_a_date(network, days, tmp_path):
    settings = settings_of(tmp_path)
    register(settings, network.names)
    first = network.on_time[:1]
    on_time = network._replace(late_days=np.where(np.isin(np.arange(VANS), first), 0, 1))
    written = write(settings, Into.lake, on_time, days, stretches(on_time, days))
    found = stage("marts", settings)
    assert (found["vehicle_days"], found["points"], found["reopened"]) == (1, FAST_POINTS, 1)
    write(settings, Into.lake, network, days, late_stretches(network, days, network.late), written.segment)
    with writer_lock(settings.lock_path, wait_s=1), opened_line(settings) as opened:
        assert stale_dates(settings, opened=opened) == [DAY]
        reopened = opened.warehouse.execute("select vehicle_id, service_date from core.reopened").fetchall()
    assert reopened == [("V000003", DAY)]
    before, rows = lake_files_of(settings), rows_of(settings)
    removed = stage("merge", settings)["removed"]
    after = lake_files_of(settings)
    assert (before.files, after.files, removed) == (4, 2, 2)
    assert after.commits == before.commits + 2
    assert rows_of(settings).equals(rows)
    assert len(pc.unique(rows["fix_date"])) == after.files


def test_one_van_in_a_hundred_is_late_and_one_in_four_is_slow():
    network = network_of(1000)
    assert network.late.size == 10
    assert set(network.late_days.tolist()) == {0, 1, 2, 3}
    assert network.is_slow.mean() == pytest.approx(0.25, abs=0.01)
    assert network_of(vans_for(10_000_000)).points.sum() == pytest.approx(10_000_000, rel=0.01)
    sizes = {found.tenant_id: 0 for found in network.names}
    for found in network.names:
        sizes[found.tenant_id] += 1
    assert len(set(sizes.values())) > 5


def test_a_size_that_does_not_fit_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(NetworkTooLarge, match="--into lake"):
        check_room(tmp_path, Into.spool, [1_000_000, 101_000_000])
    with pytest.raises(NetworkTooLarge, match=r"need .* GB below .*, where .* GB are free"):
        check_room(tmp_path, Into.lake, [10**15])
    assert check_room(tmp_path, Into.lake, [1_000_000]) > 0


def test_capacity_is_reckoned_from_what_was_measured():
    said = {"seconds": 10.0, "cpu_s": 9.0, "peak_bytes": 5 * 2**30}
    step = Step(vans=10, points=10 * FAST_POINTS, made_s=1.0, load=said, marts=said)
    outcome = SimpleNamespace(
        **{"into": Into.spool, "day": step, "steps": [step], "points": step.points, "van_days": 10},
        **{"merge": said | {"cpu_s": 2.0}, "after": SimpleNamespace(file_bytes=step.points)},
        **{"spool_bytes": 2 * step.points, "warehouse_bytes": 10**6, "published_bytes": 10**6},
    )
    found = capacity(outcome, [Machine("small", 2, 4.0, 1, 1, "then"), Machine("large", 4, 16.0, 0.2, 0.1, "then")])
    values = {figure.what: figure.value for figure in found.figures}
    assert values["vans of a core, by processor time"] == pytest.approx(3600 / 2)  # 20 s for ten van-days
    assert values["large: vans"] == pytest.approx(4 * 1800)
    assert values["large: machine"] == pytest.approx(0.2 * 730 / 7200 * 1000)
    assert values["lake, merged"] == pytest.approx(FAST_POINTS * 310 / 1e6)
    assert "small: vans" not in values
    assert any(note.startswith("small has too little memory") for note in found.notes)


def test_a_file_of_prices_without_its_columns_is_one_clear_line(tmp_path):
    bad = tmp_path / "prices.csv"
    bad.write_text("machine,vcpus\nbig,4\n")
    with pytest.raises(BadPrices, match="usd_per_gb_month"):
        read_prices(bad)
    with pytest.raises(BadPrices, match="No such file"):
        read_prices(tmp_path / "none.csv")
    assert len(read_prices(None)) > 1
