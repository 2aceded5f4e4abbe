"""A tenant's copy holds all rows of that tenant and nothing of anybody else, down to the bytes of the file."""

from datetime import timedelta

import duckdb
import pytest

from tests.warehouse.core_rows import NO_LAKE, insert
from tests.warehouse.marked_rows import DAY, mark, mark_others
from warehouse.ahead import AHEAD, copied_ahead
from warehouse.connection import open_warehouse, transaction
from warehouse.models import prepare_models
from warehouse.network_copy import RULES, SUMMED, publish_network
from warehouse.publish import publish
from warehouse.tenancy import OPERATOR_TABLES, SHARED_TABLES, is_file_name, tables
from warehouse.tenant_copies import publish_tenants

HOSTILE = "../../escaped"
NAME = "Named Later"


class Line:
    """A warehouse with rows of tenants, and its copies in a folder."""

    def __init__(self, folder):
        self.warehouse, self.published = folder / "warehouse.duckdb", folder / "published"
        self.tenants = self.published / "tenants"

    def publish(
        self,
        change=lambda warehouse: None,
        wanted=None,
        *,
        afresh=False,
        add_views=lambda _copy, _tenant: None,
        inputs="",
        begun=(),
    ):
        with open_warehouse(self.warehouse) as warehouse:
            prepare_models(warehouse)
            with transaction(warehouse):
                change(warehouse)
            self.full = publish(warehouse, self.published, NO_LAKE, "UTC", "test", afresh=afresh)
        with copied_ahead(self.tenants, begun) as ahead:
            return publish_tenants(self.full, self.tenants, wanted, add_views, inputs, afresh=afresh, ahead=ahead)

    def of(self, tenant):
        return self.tenants / f"{tenant}.duckdb"

    def rows(self, path, *, of_tenant=None):
        """Every row of every table of core and marts, as text; of one tenant where asked for."""
        with duckdb.connect(str(path.resolve()), read_only=True) as copy:
            found = {}
            for table in tables(copy, copy.execute("select current_database()").fetchall()[0][0]):
                if of_tenant is None or table.is_of_tenants:
                    where = f" where tenant_id = '{of_tenant}'" if of_tenant else ""
                    texts = copy.execute(f"select (part)::varchar from {table.name} as part{where}").fetchall()
                    found[table.name] = sorted(text for (text,) in texts)
            return found


@pytest.fixture(scope="module", autouse=True)
def _no_words():
    """Comments and display views are looked at in tests/flows/test_copies.py: here it is rows, and words take most of
    the time.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("wording.add_display_views", "wording.add_comments", "publish.add_comments"):
            patch.setattr(f"warehouse.{name}", lambda _copy: None)
        yield


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    def change(warehouse):
        for tenant in ("acme", "birch", HOSTILE):
            mark(warehouse, tenant)
            mark(warehouse, tenant, DAY - timedelta(days=40))
        mark_others(warehouse, "operator-only")
        insert(warehouse, "core.holds", hold_id="H1", tenant_id="acmee", kind="vehicle", subject_id="V1")

    built = Line(tmp_path_factory.mktemp("tenants"))
    built.done = built.publish(change)
    return built


def test_a_copy_has_all_rows_of_its_tenant(line):
    everyone = line.rows(line.published / "odograph.duckdb", of_tenant="acme")
    assert line.rows(line.of("acme"), of_tenant="acme") == everyone
    assert all(len(rows) == 2 for rows in everyone.values())


def test_no_row_of_a_copy_names_anybody_else(line):
    for name, rows in line.rows(line.of("acme")).items():
        assert not [row for row in rows if "birch" in row or "escaped" in row], name
        assert name not in OPERATOR_TABLES - {"core.generation"} or rows == [], name


def test_no_byte_of_a_file_names_anybody_else(line):
    content = line.of("acme").read_bytes()
    assert b"acme-mark" in content
    assert (b"birch" in content, b"escaped" in content) == (False, False)
    assert b"birch-mark" in (line.published / "odograph.duckdb").read_bytes()


def test_shared_tables_are_whole_but_for_columns_nobody_has_read(line):
    rows = line.rows(line.of("acme"))
    assert len(rows["core.stations"]) == len(rows["core.prices"]) == len(rows["core.jurisdictions"]) == 1
    assert "operator-only" in rows["core.stations"][0]
    assert "note" not in rows["core.stations"][0]


def test_every_table_is_of_tenants_or_on_a_list(line):
    with duckdb.connect(str(line.full), read_only=True) as copy:
        listed = tables(copy, copy.execute("select current_database()").fetchall()[0][0])
    unlisted = {table.name for table in listed if not table.is_of_tenants} ^ (SHARED_TABLES | OPERATOR_TABLES)
    assert unlisted == set()


def test_a_tenant_that_only_a_hold_names_gets_no_file(line):
    assert sorted(path.stem for path in line.tenants.glob("*.duckdb")) == ["acme", "birch"]


def test_a_name_that_leads_elsewhere_gets_no_file(line):
    assert (line.done.built, line.done.refused) == (["acme", "birch"], [HOSTILE])
    assert {path.name for path in line.tenants.iterdir()} == {"acme.duckdb", "birch.duckdb", "versions"}
    assert not list(line.tenants.parent.parent.glob("escaped*"))


@pytest.mark.parametrize("name", ["..", ".", "", "-x", ".x", "a/b", "a\\b", "a\0", "a\n", "a b", "é", "A" * 129])
def test_what_could_leave_the_folder_is_no_name_of_a_file(name):
    assert not is_file_name(name)
    assert is_file_name("Acme-2.east_1")


def test_files_and_folders_are_closed_to_others(line):
    assert line.tenants.stat().st_mode & 0o777 == 0o750
    assert line.of("acme").resolve().stat().st_mode & 0o777 == 0o640
    assert (line.published / "odograph.duckdb").resolve().stat().st_mode & 0o777 == 0o640


@pytest.fixture(scope="module")
def changing(tmp_path_factory):
    """Another line, which the tests below change one after the other."""
    built = Line(tmp_path_factory.mktemp("changing"))
    days = [DAY - timedelta(days=nbirch) for nbirch in range(4)]
    built.publish(lambda warehouse: [mark(warehouse, tenant, day) for tenant in ("acme", "birch") for day in days])
    return built


def test_only_tenants_whose_rows_changed_get_a_new_copy_equal_to_one_built_from_nothing(changing):
    def change(warehouse):
        warehouse.execute(f"delete from core.ledger where tenant_id = 'acme' and service_date = date '{DAY}'")
        warehouse.execute("update marts.stops set kind = 'depot' where tenant_id = 'acme' and duration_s = 1")
        warehouse.execute(f"update core.drivers set name = '{NAME}' where tenant_id = 'acme'")

    before = changing.of("birch").resolve()
    done = changing.publish(change, begun=["acme", "birch"])
    assert (done.built, done.unchanged, changing.of("birch").resolve()) == (["acme"], ["birch"], before)
    forward = changing.rows(changing.of("acme"))
    assert forward["core.ledger"] == changing.rows(changing.full, of_tenant="acme")["core.ledger"]
    assert len(forward["core.ledger"]) == 3
    assert not list(changing.tenants.rglob(f"*{AHEAD}"))
    changing.publish(afresh=True)
    whole = changing.rows(changing.of("acme"))
    assert (forward.pop("core.generation") < whole.pop("core.generation"), forward == whole) == (True, True)


def test_views_are_made_anew_only_where_something_they_are_made_of_changed(changing):
    asked = []

    def add_views(copy, tenant):
        asked.append(tenant)
        copy.execute(f"create or replace view staging.lake_of as select {len(asked)} as nth")

    def more(count):
        return lambda warehouse: warehouse.execute(f"update marts.stops set kind = 'depot {count}'")

    def view_of(tenant):
        with duckdb.connect(str(changing.of(tenant).resolve()), read_only=True) as copy:
            return copy.execute("from staging.lake_of").fetchall()

    assert changing.publish(more(1), add_views=add_views, inputs="lake 1").built == ["acme", "birch"]
    assert asked == ["acme", "birch"]
    assert changing.publish(more(2), add_views=add_views, inputs="lake 1").built == ["acme", "birch"]
    assert (asked, view_of("birch")) == (["acme", "birch"], [(2,)])
    assert "depot 2" in changing.rows(changing.of("acme"))["marts.stops"][0]
    other_words = "update core.models_stamp set digest = 'other models'"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.warehouse.test_tenant_copies.prepare_models", lambda _warehouse: None)
        changing.publish(lambda warehouse: warehouse.execute(other_words), add_views=add_views, inputs="lake 1")
    assert asked[2:] == ["acme", "birch"]
    changing.publish(add_views=add_views, inputs="lake 2")
    assert asked[4:] == ["acme", "birch"]
    changing.publish()


def test_a_copy_that_was_not_finished_is_built_again(changing):
    last = changing.of("acme").resolve()
    leftover = last.parent / "20260101T000000000000.building"
    leftover.write_bytes(last.read_bytes()[:5000])
    changing.of("acme").unlink()
    assert changing.publish().built == ["acme"]
    assert not leftover.exists()
    assert changing.rows(changing.of("acme"), of_tenant="acme") == changing.rows(changing.full, of_tenant="acme")


def test_a_change_of_what_is_shared_reaches_every_copy_and_names_alike_get_none(changing):
    def change(warehouse):
        mark_others(warehouse, "dearer")
        for tenant in ("delta", "Delta"):
            insert(warehouse, "core.drivers", tenant_id=tenant, driver_id="D1")

    done = changing.publish(change)
    assert (done.built, done.refused) == (["acme", "birch"], ["Delta", "delta"])
    assert "dearer" in changing.rows(changing.of("birch"))["core.prices"][0]


def test_the_network_copy_has_sums_rules_and_health_and_no_other_table(changing):
    with duckdb.connect(str(publish_network(changing.full, changing.published)), read_only=True) as copy:
        there = {name for (name,) in copy.execute("select table_name from duckdb_tables()").fetchall()}
    summed = {name for name in there if SUMMED.fullmatch(name)}
    assert (there - summed, "fleet_days" in summed) == ({"data_health_days", "generation", *RULES}, True)


def test_a_copy_that_fails_stops_no_other_and_stays_unless_all_were_to_be_made_afresh(changing):
    def failing(_copy, tenant):
        if tenant == "acme":
            raise duckdb.CatalogException("no such view\nDid you mean this?")

    def rename(warehouse):
        warehouse.execute("update core.drivers set name = 'Renamed'")

    last = changing.of("acme").resolve()
    done = changing.publish(rename, add_views=failing, inputs="another version of the lake")
    assert (done.built, done.failed) == (["birch"], {"acme": "CatalogException: no such view"})
    assert changing.of("acme").resolve() == last
    done = changing.publish(add_views=failing, afresh=True)
    assert (done.built, [*done.failed], changing.of("acme").exists(), last.exists()) == (
        ["birch"],
        ["acme"],
        False,
        False,
    )
    assert changing.publish().built == ["acme"]


def test_what_was_deleted_is_in_no_byte_of_copies_made_afresh(changing):
    def content():
        return changing.of("acme").read_bytes() + changing.full.read_bytes()

    changing.publish(lambda warehouse: warehouse.execute("delete from core.drivers where tenant_id = 'acme'"))
    assert NAME.encode() in content()
    done = changing.publish(afresh=True)
    assert (done.built, done.unchanged) == (["acme", "birch"], [])
    assert NAME.encode() not in content()


def test_a_tenant_who_is_not_wanted_has_no_copy(changing):
    assert changing.publish(wanted=["birch", "stranger"]).removed == ["acme"]
    assert not list(changing.tenants.rglob("acme*"))
    assert changing.of("birch").exists()
