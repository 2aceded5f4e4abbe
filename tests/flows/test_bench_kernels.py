import numpy as np
import pytest
from typer.testing import CliRunner

from flows.bench.figures import Section
from flows.bench.kernels import arriving, campaign
from flows.bench.kernels.fleet import made_up_fleet
from flows.bench.kernels.geography import geography_section
from flows.bench.kernels.rivals import rivals
from flows.cli import app
from kernels.totals import Positions

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def positions():
    """Three clean days, one of them with a silence."""
    fleet = made_up_fleet(3, points=3_000)
    time_us = fleet.time_us.copy()
    time_us[1_700:3_000] += 400_000_000
    return Positions(fleet.starts, time_us, *fleet[2:6])


@pytest.mark.parametrize("rival", rivals(), ids=lambda rival: rival.name)
def test_every_rival_gives_our_answer(rival, positions):
    assert campaign._alike(campaign._asked(positions), rival.ready(positions, 2)())


def test_another_answer_is_noticed(positions):
    ours = campaign._asked(positions)
    assert not campaign._alike(ours, ours._replace(spent_us=ours.spent_us + 1))
    assert not campaign._alike(ours, ours._replace(drive_m=ours.drive_m * 1.0001))


def test_all_ways_to_order_rows_give_the_same_rows():
    section, same = arriving.arrival_section(5_000, 2)
    assert same
    assert [figure.goal for figure in section.figures] == [2.2, 2.2, 2.2, None]


def test_the_command_prints_what_its_processes_found_and_fails_where_answers_differ(monkeypatch, tmp_path):
    def found(sizes, threads):
        return campaign.Outcome([arriving.arrival_section(sizes[0] // 200, threads)[0]], holds=threads == 1)

    monkeypatch.setattr(campaign, "_in_a_process", found)
    monkeypatch.setattr(campaign, "first_call_section", lambda: Section("first calls", []))
    done = CliRunner().invoke(app, ["bench", "kernels", "--points", "1", "--csv", str(tmp_path / "figures.csv")])
    assert done.exit_code == 1
    assert "| ≥ 2.2 |" in done.stdout
    assert (tmp_path / "figures.csv").exists()


def test_peers_that_are_not_installed_are_shown_as_recorded():
    section = geography_section()
    assert len(section.figures) == 2
    assert all(np.isfinite(figure.ratio) for figure in section.figures)
    assert any("trackintel 1.4.2 is not installed: as recorded on" in note for note in section.notes)
