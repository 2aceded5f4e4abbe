"""What is done for some vans or tenants at a time, so that memory has a bound, comes out as if it were done at once."""

from tests.builders import collected, golden_points, in_warehouse, positions, rebuilt, settings_in, yesterday_at
from warehouse.models import DATED_MARTS

TENANTS = ("acme", "birch", "cedar")
REVISIONS = "select * exclude (revised_utc, segments) from core.revisions order by tenant_id, vehicle_id"


def test_revisions_and_marts_of_a_portion_at_a_time_are_those_of_all_at_once(tmp_path, monkeypatch):
    points = golden_points(yesterday_at(15))
    sent = [positions(points[van:], device=f"d{van}", tenant=tenant) for tenant in TENANTS for van in range(3)]
    found = []
    for together in (1_000, 2):
        monkeypatch.setattr("warehouse.revisions.VANS_TOGETHER", together)
        monkeypatch.setattr("warehouse.models.VANS_TOGETHER", together)
        settings = settings_in(tmp_path / str(together))
        collected(settings, sent)
        rebuilt(settings)
        marts = {name: in_warehouse(settings, f"from marts.{name} order by all").to_dicts() for name in DATED_MARTS}
        found.append(marts | {"revisions": in_warehouse(settings, REVISIONS).to_dicts()})
    for name, rows in found[0].items():
        assert found[1][name] == rows, name
    assert (len(found[1]["revisions"]), len(found[1]["vehicle_days"]), len(found[1]["fleet_days"])) == (9, 9, 3)
