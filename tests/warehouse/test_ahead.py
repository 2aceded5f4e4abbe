"""A copy that was begun ahead is the copy that would have been made, and no file of it stays behind."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from warehouse.ahead import AHEAD, MOST_TENANTS, Ahead, copied_ahead


@pytest.fixture
def folder(tmp_path):
    for tenant in ("acme", "birch"):
        last = tmp_path / "versions" / tenant / f"{tenant}-1.duckdb"
        last.parent.mkdir(parents=True)
        last.write_text(f"rows of {tenant}")
        (tmp_path / f"{tenant}.duckdb").symlink_to(last)
    return tmp_path


def last_of(folder, tenant):
    return (folder / f"{tenant}.duckdb").resolve()


def ahead(folder):
    return sorted(path.name for path in folder.rglob(f"*{AHEAD}"))


def test_who_was_asked_for_is_copied_before_it_is_taken(folder):
    with ThreadPoolExecutor(1) as beside:
        begun = Ahead(folder, ["acme", "nobody-knows", "versions/birch/birch-1"], beside)
    assert ahead(folder) == [f"acme-1.duckdb{AHEAD}"]
    for tenant in ("acme", "birch"):
        last_of(folder, tenant).write_text("later rows")
        begun.copy(last_of(folder, tenant), folder / tenant)
    begun.copy(last_of(folder, "acme"), folder / "again")
    read = [(folder / name).read_text() for name in ("acme", "birch", "again")]
    assert (read, ahead(folder)) == (["rows of acme", "later rows", "later rows"], [])


def test_what_nobody_took_is_deleted_and_so_is_what_a_dead_run_left(folder):
    left = folder / "versions" / "acme" / f"acme-0.duckdb{AHEAD}"
    left.write_text("of a dead run")
    with copied_ahead(folder, ["birch"]):
        assert not left.exists()
    assert ahead(folder) == []


def test_room_is_made_for_the_next_copy_of_who_is_copied(folder):
    for number in (2, 3):
        last_of(folder, "acme").with_name(f"acme-{number}.duckdb").write_text("later")
        (folder / f"{number}.duckdb").write_text("of all")
    with copied_ahead(folder, ["acme"]) as begun:
        begun.make_room(sorted(folder.glob("?.duckdb")), folder / "3.duckdb", 2)
    kept = sorted(path.name for path in folder.rglob("*.duckdb") if not path.is_symlink())
    # That of acme is linked, though dead runs left newer ones.
    assert kept == ["3.duckdb", "acme-1.duckdb", "birch-1.duckdb"]


def test_where_many_were_rebuilt_nothing_is_begun(folder):
    with copied_ahead(folder, ["acme", *(f"t{number}" for number in range(MOST_TENANTS))]) as begun:
        last_of(folder, "acme").write_text("later rows")
        begun.copy(last_of(folder, "acme"), folder / "building")
    assert (folder / "building").read_text() == "later rows"


def test_a_copy_that_could_not_be_made_ahead_is_made_when_it_is_needed(folder):
    last = last_of(folder, "acme")
    last.unlink()
    last.mkdir()
    with ThreadPoolExecutor(1) as beside:
        begun = Ahead(folder, ["acme"], beside)
    last.rmdir()
    last.write_text("rows at last")
    begun.copy(last, folder / "building")
    assert (folder / "building").read_text() == "rows at last"
