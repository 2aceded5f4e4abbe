"""Digests that are known are those that reading every row gives; nothing is known of a file that others wrote."""

from datetime import timedelta

import duckdb
import pytest

from tests.warehouse.core_rows import DAY, insert, local
from warehouse.connection import open_database, open_warehouse
from warehouse.custody import DIGESTS, Known, known_before, note_known
from warehouse.parts import OF_REBUILDS, digest_parts
from warehouse.tenancy import tables

DAYS = [DAY - timedelta(days=back) for back in range(3)]


@pytest.fixture
def built(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    with open_warehouse(path) as warehouse:
        for day in DAYS:
            for tenant in ("acme", "birch"):
                fill(warehouse, tenant, day)
    return path


def fill(warehouse, tenant, day, duration_us=1):
    start = {"tenant_id": tenant, "service_date": day, "vehicle_id": "v"}
    insert(warehouse, "core.ledger", **start, started_utc=local("10:00", day), duration_us=duration_us)
    insert(warehouse, "core.stops", **start)
    insert(warehouse, "marts.idle_by_definition", **start)


def parts(path, known=None):
    """Digest the parts of a file; returns them as texts, and what is known of it from now on."""
    with open_database() as connection:
        connection.execute(f"attach '{path}' as everyone (read_only)")
        known = digest_parts(connection, tables(connection, "everyone"), known)
        return sorted(
            text for (text,) in connection.execute("select part::varchar from temp.parts as part").fetchall()
        ), known


def rebuilt(path, day, duration_us):
    with open_warehouse(path) as warehouse:
        warehouse.execute("delete from core.ledger where service_date = $day", {"day": day})
        fill(warehouse, "acme", day, duration_us)


def test_what_is_known_and_what_is_read_are_the_parts_there_are(built, tmp_path):
    whole, known = parts(built, Known(tmp_path / "known"))
    assert (len([part for part in whole if "core.ledger" in part]), known.touched) == (6, frozenset())
    rebuilt(built, DAYS[1], 7)
    found, again = parts(built, known.after([DAYS[1]], {}))
    assert found == parts(built)[0] != whole
    assert (len([part for part in found if "core.ledger" in part]), again.touched) == (5, frozenset())
    assert parts(built, again)[0] == found


def test_rows_of_dates_that_were_not_rebuilt_are_not_read(built, tmp_path):
    whole, known = parts(built, Known(tmp_path / "known"))
    rebuilt(built, DAYS[1], 7)
    assert parts(built, known)[0] == whole


def test_what_is_known_holds_of_the_file_that_was_closed_and_of_no_other(built, tmp_path, monkeypatch):
    folder = tmp_path / "known"
    _, known = parts(built, Known(folder))
    note_known(known.after(DAYS[:1], {}), built)
    assert known_before(folder, built).touched == {DAYS[0]}
    with monkeypatch.context() as upgraded:
        upgraded.setattr("warehouse.custody.version", lambda _: "later")
        assert known_before(folder, built) == Known(folder)
    log = built.with_name(f"{built.name}.wal")
    log.touch()  # of a process that died
    assert known_before(folder, built) == Known(folder)
    log.unlink()
    with duckdb.connect(str(built)) as others:
        others.execute("update core.stops set latitude = 1")
    assert known_before(folder, built) == Known(folder)


def test_digests_that_were_written_since_are_not_those_of_the_note(built, tmp_path):
    folder = tmp_path / "known"
    _, known = parts(built, Known(folder))
    note_known(known, built)
    parts(built, known)
    assert known_before(folder, built) == Known(folder)
    (folder / DIGESTS).unlink()
    assert known_before(folder, built) == Known(folder)


def test_files_are_known_where_no_digests_are_kept(built, tmp_path):
    note_known(Known(tmp_path / "known", frozenset({"a.parquet"})), built)
    found = known_before(tmp_path / "known", built)
    assert (found.files, found.touched, found.after(DAYS, {}).touched) == ({"a.parquet"}, None, None)


def test_every_table_that_may_be_known_has_tenants_and_always_a_date(built):
    with open_database(built, read_only=True) as warehouse:
        dated = warehouse.execute(
            "select schema_name || '.' || table_name from duckdb_columns()"
            " where column_name in ('tenant_id', 'service_date') and not is_nullable group by 1 having count(*) = 2"
        ).fetchall()
    assert set(OF_REBUILDS) <= {name for (name,) in dated}
