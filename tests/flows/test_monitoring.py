"""What Prometheus is told to watch and Grafana to draw is what the line tells them."""

import json
import re
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from flows.refresh import refresh
from tests.builders import collected, golden_points, message, positions, settings_in, yesterday_at
from tests.ingest.fake_broker import FakeBroker
from tests.ingest.metrics_page import served
from tests.ingest.running import eventually, point_message

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "monitoring"
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
ASKED = [target["expr"] for panel in PANELS for target in panel["targets"]] + [rule["expr"] for rule in RULES]
OF_PROMETHEUS = {"le", "job"}  # labels that it adds, or that are of histograms


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The labels of each metric of a collector and a refresh."""
    folder = tmp_path_factory.mktemp("monitored")
    broker = FakeBroker()
    with served(folder / "collector", broker.url) as page:
        broker.send([(1, "tm/v1/acme/van-1/pos", point_message(1).payload)])
        assert eventually(lambda: "last_message_timestamp" in page.text())
        text = page.text()
    broker.close()
    settings = settings_in(folder / "data")
    collected(settings, [positions(golden_points(yesterday_at(12))), message("tm/v1/t1/d1/pos", b"nonsense")])
    refresh(settings)
    text += settings.metrics_path.read_text()
    samples = [found for family in text_string_to_metric_families(text) for found in family.samples]
    return {found.name: set(found.labels) for found in samples}


def test_alerts_and_panels_ask_for_what_there_is(told):
    asked = {name for expression in ASKED for name in re.findall(r"odograph_\w+", expression)}
    assert len(asked) > 15
    assert asked - told.keys() == set()


def test_they_group_and_name_by_labels_that_there_are(told):
    for panel in PANELS:
        for target in panel["targets"]:
            labels = set().union(*(told[name] for name in re.findall(r"odograph_\w+", target["expr"])))
            named = set(re.findall(r"{{(\w+)}}", target["legendFormat"])) - {"instance"}
            grouped = {word for by in re.findall(r"by \(([^)]*)\)", target["expr"]) for word in re.findall(r"\w+", by)}
            assert (named | grouped) - labels - OF_PROMETHEUS == set(), panel["title"]


def test_every_panel_says_what_it_shows_and_in_what_and_covers_no_other():
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"
    for one, other in combinations((panel["gridPos"] for panel in DASHBOARD["panels"]), 2):
        apart = [one[at] + one[size] <= other[at] or other[at] + other[size] <= one[at] for at, size in ("xw", "yh")]
        assert any(apart), (one, other)


def test_every_alert_is_on_the_page():
    page = (ROOT / "docs" / "deployment.md").read_text()
    for rule in RULES:
        assert f"| `{rule['alert']}` | {rule['annotations']['summary']} |" in page
