"""`odograph mappings check` shows how a message would be read, and what is wrong with a file."""

from typer.testing import CliRunner

from flows.cli import app

MAPPING = """
[[source]]
name = "gate"
topics = ["gate/{device}/fix"]
tenant = "acme"
device = "{device}"
[source.time]
path = "t"
format = "epoch_s"
[source.fields]
lat = "lat"
lon = "lon"
spd_kmh = { path = "v", unit = "m/s" }
"""


def check(*arguments: object):
    return CliRunner().invoke(app, ["mappings", "check", *map(str, arguments)])


def test_a_message_is_shown_as_it_would_be_kept(tmp_path):
    (tmp_path / "gate.toml").write_text(MAPPING)
    (tmp_path / "message.json").write_text('{"t": 1772208123, "lat": 40.5, "lon": -74, "v": 10}')
    result = check(tmp_path / "gate.toml", tmp_path / "message.json", "--topic", "gate/g7/fix")
    assert result.exit_code == 0
    shown = {line.split()[0]: line.split()[-1] for line in result.stdout.splitlines() if line.startswith("  ")}
    assert (shown["device_id"], shown["speed_ckmh"], shown["fix_ms"]) == ("g7", "3600", "1772208123000")


def test_a_message_without_a_point_says_so_as_a_reject(tmp_path):
    (tmp_path / "gate.toml").write_text(MAPPING)
    (tmp_path / "message.json").write_text('{"t": 1772208123}')
    result = check(tmp_path / "gate.toml", tmp_path / "message.json")
    assert result.exit_code == 0
    assert "1 rejects" in result.stdout


def test_what_is_wrong_with_a_file_is_listed_together(tmp_path):
    (tmp_path / "bad.toml").write_text(MAPPING.replace('"m/s"', '"furlongs"').replace('lat = "lat"', ""))
    result = check(tmp_path / "bad.toml")
    assert result.exit_code == 2
    assert "Settings" not in result.stderr
    assert "unit is needed, one of km/h, m/s" in result.stderr
    assert "lat and lon are needed" in result.stderr


def test_times_that_need_a_zone_are_spoken_of_beforehand(tmp_path):
    warned = 'source "gate": time: times without an offset will be rejects wrong_type'
    (tmp_path / "gate.toml").write_text(MAPPING.replace("epoch_s", "iso"))
    assert warned in check(tmp_path / "gate.toml").stdout
    (tmp_path / "gate.toml").write_text(MAPPING.replace('"epoch_s"', '"iso"\nzone = "Europe/Berlin"'))
    assert "offset" not in check(tmp_path / "gate.toml").stdout
