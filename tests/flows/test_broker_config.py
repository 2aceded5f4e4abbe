import os
import re
import shutil
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.broker_users import broker_users, read_users
from flows.cli import app
from flows.importing import run_import
from flows.settings import Settings
from ingest.access import AccessRefused, access_rules
from warehouse.senders import RegisteredSender

DEVICES = [("acme", "van-1"), ("acme", "van-2"), ("other", "van-9")]


def import_csv(settings: Settings, kind: str, text: str) -> None:
    path = settings.data_dir / f"{kind}.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert run_import(settings, kind, [path])


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose registry knows three devices, one that has left, and a depot."""
    settings = Settings.read(data_dir=tmp_path_factory.mktemp("registry"), _env_file=None)
    rows = "".join(f"{tenant},device,{device},V-{device},\n" for tenant, device in DEVICES)
    rows += "acme,device,old,V1,2026-01-01\n"
    import_csv(settings, "assignments", f"tenant_id,kind,id,vehicle_id,to_utc\n{rows}")
    import_csv(settings, "depots", "tenant_id,depot_id,timezone\nacme,north,America/New_York\n")
    return settings.data_dir


@pytest.fixture
def settings(registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    shutil.copytree(registry, tmp_path / "data")
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(tmp_path / "data"))
    return Settings.read(_env_file=None)


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["broker-config", *arguments])
    return result.exit_code, result.output


def users_of(rules: str) -> dict[str, list[str]]:
    return {
        name: block.split("\n") for name, block in re.findall(r"^user (.+)\n((?:topic .+\n?)+)", rules, re.MULTILINE)
    }


def test_the_registry_becomes_users_with_their_own_topics_only(settings, tmp_path):
    status, said = run("--out", str(tmp_path / "out"))
    assert status == 0
    rules = (tmp_path / "out" / "acl").read_text()
    users = users_of(rules)
    assert users.keys() == {"van-1", "van-2", "van-9", "north", "odograph-main"}
    assert [line for line in users["van-1"] if line] == [
        *(f"topic write tm/v1/acme/van-1/{kind}" for kind in ("pos", "evt", "sta", "his")),
        "topic read tm/v1/acme/van-1/cmd",
        "topic read tm/v1/acme/van-1/ack",
    ]
    assert [line for line in users["north"] if line] == [
        "topic write rt/v1/acme/north/plan",
        "topic read rt/v1/acme/north/ack",
    ]
    assert "5 users: 5 with a certificate" in said
    assert "still missing" in said


def test_no_rule_leaves_the_tenant_open_and_none_stands_outside_a_user(settings, tmp_path):
    run("--out", str(tmp_path))
    rules = (tmp_path / "acl").read_text()
    lines = [line for line in rules.splitlines() if line and not line.startswith("#")]
    assert lines[0].startswith("user ")
    assert {line.split()[0] for line in lines} == {"user", "topic"}
    assert not re.search(r"(tm|fc|rt)/v1/[+#]", rules)
    assert "readwrite" not in rules


def test_the_configuration_lets_nobody_in_without_a_name_and_keeps_the_promises_of_the_queue(settings, tmp_path):
    run("--out", str(tmp_path), "--installed-at", "/mosquitto/config", "--state", "/mosquitto/data")
    text = (tmp_path / "mosquitto.conf").read_text()
    options = dict(re.findall(r"^(\w+) (.+)$", text, re.MULTILINE))
    assert {
        "listener": "8883",
        "tls_version": "tlsv1.2",
        "require_certificate": "true",
        "use_identity_as_username": "true",
        "use_username_as_clientid": "true",
        "allow_anonymous": "false",
        "acl_file": "/mosquitto/config/acl",
        "persistence_location": "/mosquitto/data/",
        "max_queued_messages": "2000000000",
        "max_packet_size": "1048576",
    }.items() <= options.items()
    assert text.count("\nlistener ") == 1
    assert "log_type debug" not in text
    assert "crlfile" not in text


def test_with_passwords_each_user_gets_one_and_keeps_it(settings, tmp_path):
    status, _ = run("--out", str(tmp_path), "--identity", "password")
    assert status == 0
    new = dict(line.split(":", 1) for line in (tmp_path / "new-passwords").read_text().splitlines())
    hashed = (tmp_path / "passwords").read_text()
    assert new.keys() == {"van-1", "van-2", "van-9", "north", "odograph-main"}
    assert len({*new.values()}) == 5
    assert not [password for password in new.values() if password in hashed]
    assert all(re.fullmatch(r"[\w.-]+:\$7\$101\$[\w+/]{16}\$[\w+/]{86}==", line) for line in hashed.splitlines())
    assert "require_certificate" not in (tmp_path / "mosquitto.conf").read_text()

    (tmp_path / "new-passwords").unlink()
    run("--out", str(tmp_path), "--identity", "password", "--rotate", "van-2")
    assert [line.split(":")[0] for line in (tmp_path / "new-passwords").read_text().splitlines()] == ["van-2"]
    changed = set(hashed.splitlines()) ^ set((tmp_path / "passwords").read_text().splitlines())
    assert {line.split(":")[0] for line in changed} == {"van-2"}


def test_who_leaves_the_registry_loses_rules_and_password(settings, tmp_path):
    run("--out", str(tmp_path), "--identity", "password")
    import_csv(settings, "assignments", "tenant_id,kind,id,vehicle_id,to_utc\nacme,device,van-2,V-van-2,2026-02-01\n")
    run("--out", str(tmp_path), "--identity", "password")
    for name in ("acl", "passwords", "new-passwords"):
        assert "van-2" not in (tmp_path / name).read_text()


@pytest.mark.parametrize(
    "name", ["van+1", "van/1", "#", "van 1", "van\t1", "%u", "", "van:1", "-van", "vän", "van\n", "a" * 129]
)
def test_a_name_that_could_break_out_of_its_rule_is_refused(name):
    for sender in (RegisteredSender("device", "acme", name), RegisteredSender("depot", name, "north")):
        with pytest.raises(AccessRefused) as refused:
            broker_users(
                [sender, RegisteredSender("device", "acme", "a b")],
                [],
                collectors=["main"],
                identity="certificate",
                with_tenant=False,
            )
        assert len(refused.value.problems) == 2, "all of them are named together"


def test_a_line_break_in_the_registry_writes_nothing(settings, tmp_path):
    import_csv(
        settings, "assignments", 'tenant_id,kind,id,vehicle_id\nacme,device,"van-3\nuser van-4\ntopic readwrite #",V3\n'
    )
    status, said = run("--out", str(tmp_path / "out"))
    assert status == 1
    assert "not a name for a topic" in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_one_login_never_opens_two_tenants(settings, tmp_path):
    import_csv(settings, "assignments", "tenant_id,kind,id,vehicle_id\nother,device,van-1,V1\n")
    status, said = run("--out", str(tmp_path))
    assert (status, "van-1 would be device of acme and device of other" in said) == (1, True)
    status, _ = run("--out", str(tmp_path), "--with-tenant")
    assert status == 0
    users = users_of((tmp_path / "acl").read_text())
    assert "topic write tm/v1/other/van-1/pos" in users["van-1@other"]
    assert not [line for line in users["van-1@other"] if "acme" in line]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[user]]", "user.0.name: Field required"),
        ('[[user]]\nname = "x"\nrole = "boss"', "user.0.role"),
        ('[[user]]\nname = "x"\nrole = "reader"\ntenat = "acme"', "user.0.tenat: Extra inputs"),
        ("[[user", "not TOML"),
        (None, "No such file"),
    ],
)
def test_a_users_file_that_does_not_fit_says_where(tmp_path, text, problem):
    path = tmp_path / "users.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(AccessRefused, match=re.escape(problem)):
        read_users(path)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ('name = "x"\nrole = "reader"', "has a tenant"),
        ('name = "x"\nrole = "reader"\ntenant = "+"', "not a name for a topic"),
        ('name = "x"\nrole = "gateway"', "has a tenant"),
        ('name = "x"\nrole = "gateway"\ntenant = "+"', "not a name for a topic"),
        ('name = "x"\nrole = "forwarder"', "none given"),
        ('name = "x"\nrole = "forwarder"\ntopics = ["#"]', "'#'"),
        ('name = "x"\nrole = "forwarder"\ntopics = ["tm/v1/acme/van-1/pos"]', "not of our own tree"),
        ('name = "x"\nrole = "forwarder"\ntopics = ["+/v1/acme/van-1/pos"]', "'+/v1/acme/van-1/pos'"),
        ('name = "x"\nrole = "forwarder"\ntopics = ["+/+/+/+/+"]', "'+/+/+/+/+'"),
        ('name = "x"\nrole = "forwarder"\ntopics = ["gate/#"]', "'gate/#'"),
        ('name = "x"\nrole = "forwarder"\ntopics = ["gate/a+"]', "'gate/a+'"),
        ('name = "x"\nrole = "forwarder"\ntopics = ["gate/a b"]', "'gate/a b'"),
        ('name = "x"\nrole = "forwarder"\ntopics = ["gate\\ntopic write #"]', "topic write #"),
        ('name = "x"\nrole = "forwarder"\ntopics = ["$SYS/broker"]', "'$SYS/broker'"),
        ('name = "x"\nrole = "forwarder"\ntopics = ["//"]', "'//'"),
        ('name = "x y"\nrole = "forwarder"\ntopics = ["traccar/positions"]', "'x y' is not a name for a user"),
        ('name = "van-1"\nrole = "reader"\ntenant = "other"', "one login would open both"),
    ],
)
def test_a_user_who_would_get_too_much_is_refused(tmp_path, entry, problem):
    path = tmp_path / "users.toml"
    path.write_text(f"[[user]]\n{entry}\n")
    with pytest.raises(AccessRefused, match=re.escape(problem)):
        access_rules(
            broker_users(
                [RegisteredSender("device", "acme", "van-1")],
                read_users(path),
                collectors=["main"],
                identity="certificate",
                with_tenant=False,
            )
        )


def test_without_a_registry_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(tmp_path / "data"))
    status, said = run("--out", str(tmp_path / "out"))
    assert (status, "odograph import assignments" in said) == (1, True)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "data").exists()


def test_a_first_start_without_a_registry_knows_the_users_of_the_file_and_the_collector(tmp_path, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "users.toml").write_text('[[user]]\nname = "simulator"\nrole = "gateway"\ntenant = "acme"\n')
    status, _ = run("--out", str(tmp_path), "--users", str(tmp_path / "users.toml"), "--allow-no-registry")
    assert status == 0
    users = users_of((tmp_path / "acl").read_text())
    assert users.keys() == {"simulator", "odograph-main"}
    assert [line for line in users["simulator"] if line] == [
        *(f"topic write tm/v1/acme/+/{kind}" for kind in ("pos", "evt", "sta", "his")),
        "topic read tm/v1/acme/+/ack",
        "topic write fc/v1/acme/+/txn",
        "topic read fc/v1/acme/+/ack",
        "topic write rt/v1/acme/+/plan",
        "topic read rt/v1/acme/+/ack",
    ]
    assert "topic read tm/v1/acme/+/pos" in users["odograph-main"]


def test_a_group_may_read_all_but_the_plain_passwords(settings, tmp_path):
    import grp

    group = grp.getgrgid(os.getgid()).gr_name
    status, _ = run("--out", str(tmp_path), "--identity", "password", "--group", group)
    assert status == 0
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("acl", "passwords", "new-passwords")}
    assert modes == {"acl": 0o640, "passwords": 0o640, "new-passwords": 0o600}
    status, said = run("--out", str(tmp_path), "--group", "no-such-group")
    assert (status, "no-such-group" in said) == (1, True)


def test_a_file_is_replaced_whole_or_not_at_all(settings, tmp_path, monkeypatch):
    run("--out", str(tmp_path))
    before = (tmp_path / "acl").read_text()
    import_csv(settings, "assignments", "tenant_id,kind,id,vehicle_id\nacme,device,van-3,V3\n")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = CliRunner().invoke(app, ["broker-config", "--out", str(tmp_path)])
    assert (result.exit_code, "No space left" in result.output) == (1, True)
    assert (tmp_path / "acl").read_text() == before
    assert not list(tmp_path.glob(".acl-*"))


def test_the_collector_may_read_the_topics_of_mapping_files(settings, tmp_path):
    (settings.data_dir / "mappings").mkdir()
    (settings.data_dir / "mappings" / "gate.toml").write_text(
        '[[source]]\nname = "gate"\ntopics = ["gate/{device}/fix"]\ntenant = "acme"\ndevice = "{device}"\n'
        '[source.time]\npath = "t"\nformat = "epoch_s"\n[source.fields]\nlat = "lat"\nlon = "lon"\n'
    )
    assert run("--out", str(tmp_path / "out"))[0] == 0
    rules = users_of((tmp_path / "out" / "acl").read_text())["odograph-main"]
    assert "topic read gate/+/fix" in rules
    assert "topic read traccar/positions" in rules
