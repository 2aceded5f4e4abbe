"""What deploy/keys.sh makes is what broker and collector need, is made once, and is open to nobody else."""

import json
import os
import shutil
import ssl
import stat
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from ingest.stores import take_store_environment
from tests.test_house_rules import ROOT

FOLDERS = ("authority", "broker", "collector", "simulator", "database", "store")


class Keys:
    """A folder of keys; broker-config is run here, with the arguments the script would give it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in FOLDERS:
            (root / name).mkdir(parents=True, mode=0o750)
        (root / "bin").mkdir()
        (root / "bin" / "odograph").write_text(
            '#!/bin/sh\nprintf "%s\\n" "$@" > "$KEYS/arguments"\nwhile [ "$1" != --users ]; do shift; done\n'
            'cp "$2" "$KEYS/users.toml"\n'
        )
        (root / "bin" / "odograph").chmod(0o755)

    def run(self, *arguments: str, **env: str) -> "subprocess.CompletedProcess[bytes]":
        path = f"{self.root / 'bin'}:{os.environ['PATH']}"
        given = {"PATH": path, "KEYS": str(self.root), "ODOGRAPH_DATA_DIR": str(self.root / "data"), **env}
        return subprocess.run(["sh", ROOT / "deploy" / "keys.sh", *arguments], env=given, capture_output=True)

    def verified(self, certificate: str, purpose: str, *more: str) -> bool:
        command = ("openssl", "verify", "-CAfile", "authority/ca.crt", "-purpose", purpose, *more, certificate)
        return subprocess.run(command, cwd=self.root, capture_output=True).returncode == 0

    def files(self) -> dict[str, tuple[bytes, int]]:
        found = (path for name in FOLDERS for path in (self.root / name).rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): (path.read_bytes(), path.stat().st_mode) for path in found}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    if shutil.which("openssl") is None:
        assert "CI" not in os.environ, "openssl must be installed in continuous integration"
        pytest.skip("openssl is not installed")
    keys = Keys(tmp_path_factory.mktemp("keys"))
    made = keys.run(PROFILES="dev,s3", BROKER_HOST="mqtt.example.com")
    assert made.returncode == 0, made.stderr
    return keys


def test_certificates_are_of_the_authority_and_for_what_they_are(keys):
    for name in ("mqtt.example.com", "broker", "localhost"):
        assert keys.verified("broker/broker.crt", "sslserver", "-verify_hostname", name)
    assert not keys.verified("broker/broker.crt", "sslserver", "-verify_hostname", "other.example.com")
    assert not keys.verified("broker/broker.crt", "sslclient")
    for client in ("collector/odograph-main", "simulator/simulator"):
        assert keys.verified(f"{client}.crt", "sslclient")
        assert not keys.verified(f"{client}.crt", "sslserver")
        ssl.create_default_context().load_cert_chain(keys.root / f"{client}.crt", keys.root / f"{client}.key")


def test_a_reader_finds_its_own_and_nobody_else_can_read(keys):
    files = keys.files()
    below = {folder: {Path(name).name for name in files if name.startswith(f"{folder}/")} for folder in FOLDERS[1:]}
    assert below == {
        "broker": {"ca.crt", "broker.crt", "broker.key", "revoked.pem"},
        "collector": {"ca.crt", "odograph-main.crt", "odograph-main.key"},
        "simulator": {"ca.crt", "simulator.crt", "simulator.key"},
        "database": {"password"},
        "store": {"credentials", "identities.json"},
    }
    modes = {name: stat.S_IMODE(mode) for name, (_, mode) in files.items()}
    assert {mode for name, mode in modes.items() if name.startswith("authority/")} == {0o600}
    assert {mode for name, mode in modes.items() if name.split("/")[0] in below} == {0o640}
    assert len(files["database/password"][0]) == 48


def test_the_store_knows_the_key_that_the_line_comes_with(keys, monkeypatch):
    (identity,) = json.loads((keys.root / "store" / "identities.json").read_text())["identities"]
    monkeypatch.setattr(os, "environ", {"AWS_SHARED_CREDENTIALS_FILE": str(keys.root / "store" / "credentials")})
    take_store_environment(keys.root / ".env")
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    assert [os.environ[name] for name in names] == [*identity["credentials"][0].values()]
    os.environ |= dict.fromkeys(names, "other")
    take_store_environment(keys.root / ".env")
    assert [os.environ[name] for name in names] == ["other", "other"]


def test_a_second_run_makes_nothing_and_a_new_name_makes_the_brokers_certificate_anew(keys):
    before = keys.files()
    again = keys.run(PROFILES="dev", BROKER_HOST="mqtt.example.com")
    assert (again.returncode, again.stderr, keys.files()) == (0, b"", before)
    keys.run(PROFILES="dev", BROKER_HOST="192.0.2.7")
    changed = {name for name, found in keys.files().items() if found != before.get(name)}
    assert {name for name in changed if not name.startswith("authority/")} == {"broker/broker.crt", "broker/broker.key"}
    assert keys.verified("broker/broker.crt", "sslserver", "-verify_ip", "192.0.2.7")


def test_the_rules_are_asked_for_in_words_that_broker_config_understands(keys, tmp_path, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(tmp_path / "data"))
    keys.run(PROFILES="dev", BROKER_HOST="mqtt.example.com")
    arguments = (keys.root / "arguments").read_text().splitlines()
    arguments[arguments.index("--out") + 1] = str(tmp_path / "broker")
    arguments[arguments.index("--users") + 1] = str(keys.root / "users.toml")
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "user simulator" in (tmp_path / "broker" / "acl").read_text()
    configuration = (tmp_path / "broker" / "mosquitto.conf").read_text()
    assert "persistence_location /mosquitto/data/" in configuration
    assert "\nlog_dest stderr\n" in configuration


def test_the_simulator_may_come_in_only_where_it_is_asked_for_and_further_users_are_kept(keys):
    (keys.root / "data").mkdir()
    (keys.root / "data" / "users.toml").write_text('[[user]]\nname = "traccar"\n')
    keys.run(BROKER_HOST="mqtt.example.com")
    assert (keys.root / "users.toml").read_text() == '[[user]]\nname = "traccar"\n'


def test_one_certificate_can_be_taken_out_and_revoked(keys, tmp_path):
    archive = keys.run("certificate", "860000000000012")
    listed = subprocess.run(["tar", "t"], input=archive.stdout, capture_output=True, check=True).stdout.split()
    assert listed == [b"ca.crt", b"860000000000012.crt", b"860000000000012.key"]
    subprocess.run(["tar", "x"], input=archive.stdout, cwd=tmp_path, check=True)
    shutil.copy(tmp_path / "860000000000012.crt", keys.root / "van.crt")
    checked = ("-crl_check", "-CRLfile", "broker/revoked.pem")
    assert keys.verified("van.crt", "sslclient", *checked)
    assert keys.run("revoke", "860000000000012").returncode == 0
    assert not keys.verified("van.crt", "sslclient", *checked)
    assert keys.verified("collector/odograph-main.crt", "sslclient", *checked)


@pytest.mark.parametrize("arguments", [("certificate", "../x"), ("certificate", "-x"), ("revoke",), ("certify", "x")])
def test_what_is_no_order_is_refused(keys, arguments):
    before = keys.files()
    assert (keys.run(*arguments).returncode, keys.files()) == (2, before)
