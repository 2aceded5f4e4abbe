"""What does one of our MQTT clients look like: where it connects, as whom, with which session?"""

import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.bulk_socket import BulkClient, BulkSocket, Lifting
from ingest.settings import SettingsError

MQTT5 = MQTTProtocolVersion.MQTTv5
MQTT311 = MQTTProtocolVersion.MQTTv311
PROTOCOLS = {"3.1.1": MQTT311, "5": MQTT5}

KEEPALIVE_S = 60
# The broker's default window of 20 throttles a consumer that acknowledges in groups.
# This is the most there is.
RECEIVE_MAXIMUM = 65_535
NEVER_EXPIRES_S = 0xFFFF_FFFF


@dataclass(frozen=True)
class BrokerAddress:
    """Where a broker is and how to introduce oneself; read from a URL by `broker_address`."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    protocol: MQTTProtocolVersion | None = None  # None: find out


def broker_address(
    url: str, *, ca_file: Path | None = None, cert_file: Path | None = None, key_file: Path | None = None
) -> BrokerAddress:
    """Read `mqtt://` or `mqtts://`, with `user:password@` where needed.

    `?version=3.1.1` at its end says what the broker speaks and saves finding out, which can take seconds.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise ValueError("expected mqtt://host[:port] or mqtts://host[:port]")
    tls = parts.scheme == "mqtts"
    return BrokerAddress(
        parts.hostname,
        parts.port or (8883 if tls else 1883),
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        tls,
        ca_file,
        cert_file,
        key_file,
        PROTOCOLS.get(parse_qs(parts.query).get("version", [""])[0]),
    )


def shown_address(url: str) -> str:
    """A broker's URL as it may be printed: without user and password."""
    address = broker_address(url)
    return f"{'mqtts' if address.tls else 'mqtt'}://{address.host}:{address.port}"


def new_client(
    address: BrokerAddress,
    client_id: str,
    protocol: MQTTProtocolVersion,
    *,
    clean_session: bool,
    session_expiry_s: float,
    manual_ack: bool,
    keepalive_s: int = KEEPALIVE_S,
    lifting: Lifting | None = None,
) -> Client:
    """Make a client that is ready to connect; its callbacks are the caller's to set."""
    is_v5 = protocol == MQTT5
    client = (Client if lifting is None else BulkClient)(
        CallbackAPIVersion.VERSION2,
        client_id,
        clean_session=None if is_v5 else clean_session,
        protocol=protocol,
        manual_ack=manual_ack,
        reconnect_on_failure=False,
    )
    if isinstance(client, BulkClient) and lifting is not None:
        client.tools = lifting.tools
    client.username, client.password = address.username, address.password
    if address.tls:
        client.tls_set_context(_tls_context(address))
    # Without a limit of its own paho does not search all outstanding messages at each PUBACK.
    client.max_inflight_messages_set(0)
    client.on_socket_open = _send_small_packets_at_once
    # With this set paho leaves writing to the caller's loop, which gathers it.
    client.on_socket_register_write = lambda *_: None
    if is_v5:
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = 0 if clean_session else min(int(session_expiry_s), NEVER_EXPIRES_S)
        session.ReceiveMaximum = RECEIVE_MAXIMUM
        client.connect_async(address.host, address.port, keepalive_s, clean_start=clean_session, properties=session)
    else:
        client.connect_async(address.host, address.port, keepalive_s)
    return client


def _send_small_packets_at_once(_client: Client, _data: object, connection: object) -> None:
    # Nagle's algorithm and delayed acknowledgements together hold a PUBACK for 40 ms.
    if isinstance(connection, (socket.socket, BulkSocket)):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def check_tls(address: BrokerAddress) -> None:
    """Raise SettingsError naming the setting where a certificate or key cannot be used."""
    if address.tls:
        _tls_context(address)


def _tls_context(address: BrokerAddress) -> ssl.SSLContext:
    ca, cert, key = (
        (f"ODOGRAPH_BROKER_{name}_FILE", path)
        for name, path in (("CA", address.ca_file), ("CERT", address.cert_file), ("KEY", address.key_file))
    )
    unreadable = [problem for setting, path in (ca, cert, key) if (problem := _unreadable(setting, path))]
    if address.key_file is not None and address.cert_file is None:
        unreadable.append(f"{key[0]}='{address.key_file}': the key of what? {cert[0]} is not set")
    if unreadable:
        raise SettingsError(unreadable)
    try:
        context = ssl.create_default_context(cafile=address.ca_file)
    except ssl.SSLError as error:
        raise SettingsError([f"{ca[0]}='{address.ca_file}': no certificate in it ({error.reason})"]) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if address.cert_file is not None:
        try:
            # With a password, if a wrong one, nobody is asked for it: a service has nobody to ask.
            context.load_cert_chain(address.cert_file, address.key_file, password="-")
        except ssl.SSLError as error:
            raise SettingsError([_unfit(address.cert_file, address.key_file, error)]) from error
    return context


def _unreadable(setting: str, path: Path | None) -> str | None:
    try:
        if path is not None:
            path.read_bytes()
    except OSError as error:
        return f"{setting}='{path}': {error.strerror}"
    return None


def _unfit(cert_file: Path, key_file: Path | None, error: ssl.SSLError) -> str:
    cert = f"ODOGRAPH_BROKER_CERT_FILE='{cert_file}'"
    try:
        ssl.create_default_context(cafile=cert_file)
    except ssl.SSLError:
        return f"{cert}: no certificate in it"
    if key_file is None:
        return f"{cert}: no key in it, and ODOGRAPH_BROKER_KEY_FILE is not set"
    wrong = "not the key of" if error.reason == "KEY_VALUES_MISMATCH" else "no key, or an encrypted one, for"
    return f"ODOGRAPH_BROKER_KEY_FILE='{key_file}': {wrong} {cert}"
