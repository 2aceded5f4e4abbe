"""What a refresh leaves for Prometheus."""

import time

from prometheus_client.parser import text_string_to_metric_families

from flows.refresh import refresh
from flows.refresh_metrics import write_metrics
from flows.stages import STAGES, Stages
from tests.builders import collected, golden_points, message, positions, settings_in, yesterday_at


def values(settings) -> dict[str, float]:
    families = list(text_string_to_metric_families(settings.metrics_path.read_text()))
    assert all(family.documentation for family in families)
    return {
        sample.name.removeprefix("odograph_") + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_refresh_leaves_a_file_that_says_how_it_went_and_what_there_is(tmp_path):
    settings = settings_in(tmp_path)
    write_metrics(settings, 2, Stages())
    assert values(settings)["table_rows lake.positions"] == 0
    assert values(settings)["refresh_held_back_dates"] == 2
    began_s = time.time()
    start = yesterday_at(12)
    collected(settings, [positions(golden_points(start)), *[message("tm/v1/t1/d1/pos", b"nonsense")] * 2])
    refresh(settings)
    told = values(settings)
    assert began_s <= told["refresh_last_success_timestamp_seconds"] <= time.time()
    assert 0 < told["refresh_duration_seconds"] < 120
    of_stages = [told[f"refresh_stage_seconds {stage}"] for stage in STAGES]
    assert all(seconds > 0 for seconds in of_stages)
    assert sum(of_stages) <= told["refresh_duration_seconds"]
    assert told["refresh_held_back_dates"] == 0
    assert told["newest_fix_timestamp_seconds t1"] == start + 1300
    assert told["rejects reject not_json"] == 2
    assert told["table_rows lake.positions"] == 16
    assert told["table_rows marts.vehicle_days"] == 1
    assert told["segments_waiting main"] == 0
    assert [path.name for path in settings.metrics_path.parent.iterdir()] == ["refresh.prom"]


def test_a_refresh_does_not_fail_because_its_metrics_cannot_be_written(tmp_path, caplog):
    settings = settings_in(tmp_path)
    (tmp_path / "metrics").write_text("in the way")
    write_metrics(settings, 0, Stages())
    assert "no metrics of this refresh" in caplog.text
