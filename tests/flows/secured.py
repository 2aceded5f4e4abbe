"""A mosquitto that `odograph broker-config` configured, with two tenants, every kind of user, and a collector."""

import csv
import json
import os
import shutil
import signal
import ssl
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, time
from typing import NamedTuple

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from flows.broker_config import BrokerPlace, run_broker_config
from flows.importing import run_import
from flows.settings import Settings
from ingest.broker import _Child, find_mosquitto
from ingest.children import free_port
from tests.flows.certificates import EXPIRED, Authority
from tests.ingest.running import CollectorProcess

CERTIFIED = (
    *("odograph-main", "van-1", "van-2", "van-9"),
    *("acme-fuel", "acme-plans", "acme-screen", "acme-dispatch"),
)
USERS = """
[[user]]
name = "traccar"
role = "forwarder"
topics = ["traccar/positions"]
identity = "password"

[[user]]
name = "gateway"
role = "forwarder"
topics = ["/+/report", "+/data", "fleet/+/telemetry"]
identity = "password"

[[user]]
name = "acme-fuel"
role = "provider"
tenant = "acme"
id = "wex"

[[user]]
name = "acme-plans"
role = "depot"
tenant = "acme"
id = "north"

[[user]]
name = "acme-screen"
role = "reader"
tenant = "acme"

[[user]]
name = "acme-dispatch"
role = "dispatcher"
tenant = "acme"

[[user]]
name = "second"
role = "collector"
identity = "password"
"""


class Heard(NamedTuple):
    """What became of an attempt: connected or not, the answers to what was published, and what arrived."""

    connected: str | None
    answers: list[str]
    messages: list[tuple[str, bytes]]


class SecuredBroker(_Child):
    """mosquitto with the files that were written for it; `port` takes certificates, `password_port` passwords."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, free_port())
        self.password_port = free_port()
        self.files = folder / "files"
        self.log = folder / "mosquitto.log"
        self.settings = Settings.read(data_dir=folder / "data", _env_file=None)
        self.authority = Authority(folder / "authority")
        for user in CERTIFIED:
            self.authority.client(user)
        self.authority.client("van-1", file="stolen")
        self.authority.client("van-1", *EXPIRED, file="expired")
        foreign = Authority(folder / "foreign", "Another CA")
        foreign.client("van-1", file="foreign")
        for suffix in ("crt", "key"):
            shutil.copy(foreign.folder / f"foreign.{suffix}", self.authority.folder)
        self.authority.broker("DNS:localhost,IP:127.0.0.1")
        self.authority.revoke("stolen")
        self.register([("acme", "van-1"), ("acme", "van-2"), ("other", "van-9")])
        self.configure()

    def command(self) -> Sequence[str]:
        program = find_mosquitto()
        assert program is not None
        return [program, "-c", str(self.files / "mosquitto.conf")]

    def register(self, devices: Sequence[tuple[str, str]], until: str = "") -> None:
        """Import who carries what."""
        path = self.folder / "assignments.csv"
        with path.open("w") as file:
            rows = [(tenant, "device", device, f"V-{device}", "2026-01-01", until) for tenant, device in devices]
            csv.writer(file).writerows([("tenant_id", "kind", "id", "vehicle_id", "from_utc", "to_utc"), *rows])
        assert run_import(self.settings, "assignments", [path])

    def configure(self) -> list[str]:
        """Write the broker's files, and put the certificates beside them."""
        self.files.mkdir(exist_ok=True)
        for name in ("ca.crt", "broker.crt", "broker.key", "revoked.pem"):
            shutil.copy(self.authority.folder / name, self.files)
        users = self.folder / "users.toml"
        users.write_text(USERS)
        user = "root" if os.geteuid() == 0 else "mosquitto"
        place = BrokerPlace(self.files, self.folder, self.log, user, self.port, self.password_port, log_denied=True)
        return list(
            run_broker_config(
                self.settings,
                out=self.files,
                place=place,
                users_file=users,
                collectors=["main"],
                identity="certificate",
                with_tenant=False,
                rotate=[],
                group=None,
            )
        )

    def reconfigure(self) -> None:
        """Write the files anew and have them read; that takes a moment."""
        self.configure()
        os.kill(self.pid, signal.SIGHUP)

    def password(self, user: str) -> str:
        lines = (self.files / "new-passwords").read_text().splitlines()
        return dict(line.split(":", 1) for line in lines)[user]

    def certificate(self, name: str) -> dict[str, Path]:
        """What our own clients need to come as somebody."""
        folder = self.authority.folder
        return {"ca_file": folder / "ca.crt", "cert_file": folder / f"{name}.crt", "key_file": folder / f"{name}.key"}

    @property
    def tls_url(self) -> str:
        return f"mqtts://localhost:{self.port}"

    def collector(self, data_dir: Path) -> CollectorProcess:
        files = {f"broker_{name}": path for name, path in self.certificate("odograph-main").items()}
        return CollectorProcess(data_dir, self.tls_url, broker_conf=self.files / "mosquitto.conf", **files)

    def context(self, certificate: str | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority.folder / "ca.crt")
        if certificate is not None:
            files = self.certificate(certificate)
            context.load_cert_chain(files["cert_file"], files["key_file"])
        return context

    def attempt(
        self,
        certificate: str | None = None,
        *,
        publish: Sequence[str] = (),
        subscribe: Sequence[str] = (),
        login: tuple[str, str] | None = None,
        tls: bool = True,
        at_password_port: bool = False,
        client_id: str = "",
        retain: bool = False,
        meanwhile: Sequence[tuple[str, str]] = (),
        payload: bytes = b'{"v":1}',
        wait_for: int = 0,
    ) -> Heard:
        """Come as somebody: subscribe, publish, have others publish (`meanwhile`: who and where), and listen."""
        connected: list[str] = []
        ended: list[bool] = []
        granted: list[int] = []
        answers: list[str] = []
        messages: list[tuple[str, bytes]] = []
        client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
        client.on_connect = lambda *call: connected.append(str(call[3]))
        client.on_disconnect = lambda *call: ended.append(True)
        client.on_subscribe = lambda *call: granted.append(call[2])
        client.on_publish = lambda *call: answers.append(str(call[3]))
        client.on_message = lambda *call: messages.append((call[2].topic, call[2].payload))
        if login is not None:
            client.username_pw_set(*login)
        if tls:
            client.tls_set_context(self.context(certificate))
        try:
            client.connect("localhost", self.password_port if at_password_port else self.port)
        except OSError as error:
            return Heard(type(error).__name__, answers, messages)

        def until(holds: Callable[[], bool]) -> None:
            give_up_s = monotonic() + 5
            while not holds():
                assert monotonic() < give_up_s, "the broker did not answer"
                client.loop(0.02)

        until(lambda: bool(connected or ended))
        if connected[:1] != ["Success"]:
            return Heard(connected[0] if connected else None, answers, messages)
        for topic in subscribe:
            client.subscribe(topic, 1)
        until(lambda: len(granted) == len(subscribe))
        for topic in publish:
            client.publish(topic, payload, 1, retain)
        until(lambda: len(answers) == len(publish) or bool(ended))
        for who, topic in meanwhile:
            assert self.attempt(who, publish=[topic]).answers == ["Success"]
        until(lambda: len(messages) >= wait_for)
        client.disconnect()
        return Heard(connected[0], answers, messages)


def position(device: str, seq: int) -> bytes:
    """A native message with one point of now."""
    point = {"ts": round(time(), 3), "seq": seq, "lat": 40.748441, "lon": -73.985664, "spd_kmh": 12.5}
    return json.dumps({"v": 1, "dev": device, "boot": 1, "pts": [point]}).encode()


def arguments_of_all_processes() -> str:
    """The command lines of every process on this machine, as anybody here may read them."""
    return subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
