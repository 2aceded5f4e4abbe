"""What does `odograph broker-config` do? It writes mosquitto's files from the registry: who may come in, and do what.

    mosquitto.conf   listeners with TLS, the promises of ingest/broker.conf, the log
    acl              one block of literal rules for each user; what is not allowed is denied
    passwords        hashes, for users who come with a password
    new-passwords    passwords that were made just now, to be handed out; the only place where they can be read

Certificates lie beside them under fixed names and are not made here: ca.crt, broker.crt, broker.key, and
revoked.pem where there is one.
Each file is replaced whole, and only where it changed. Whoever is no longer in the registry loses rules and password.
"""

import os
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from grp import getgrnam
from hashlib import pbkdf2_hmac
from pathlib import Path
from secrets import token_bytes, token_urlsafe
from typing import NamedTuple

from flows.broker_users import broker_users, read_users
from flows.importing import WAIT_S
from flows.settings import Settings
from ingest.access import Identity, User, access_rules
from ingest.adapters.sources import read_sources
from ingest.broker import broker_conf
from warehouse.connection import open_warehouse, writer_lock
from warehouse.senders import RegisteredSender, registered_senders

CA, CERTIFICATE, KEY, REVOKED = "ca.crt", "broker.crt", "broker.key", "revoked.pem"
# Passwords made here are 192 random bits, which no number of rounds makes safer; mosquitto hashes on its only thread.
ROUNDS, SALT_BYTES, HASH_BYTES, PASSWORD_BYTES = 101, 12, 64, 24


class NothingRegistered(Exception):
    """There is no registry to write rules from."""


class NotWritten(Exception):
    """A file could not be put in place; those before it are, and each is whole."""


class BrokerPlace(NamedTuple):
    """Where and how the broker will run; paths are as the broker sees them."""

    folder: Path
    state: Path
    log: Path
    user: str
    port: int
    password_port: int
    log_denied: bool


def run_broker_config(
    settings: Settings,
    *,
    out: Path,
    place: BrokerPlace,
    users_file: Path | None,
    collectors: Sequence[str],
    identity: Identity,
    with_tenant: bool,
    rotate: Sequence[str],
    group: str | None,
    may_lack_registry: bool = False,
) -> Iterator[str]:
    """Write the files; say of each what became of it, and what to do next."""
    users = broker_users(
        _registered(settings, may_be_missing=may_lack_registry),
        read_users(users_file) if users_file is not None else (),
        collectors=collectors,
        identity=identity,
        with_tenant=with_tenant,
        foreign=read_sources(settings).subscriptions,
    )
    rules = access_rules(users)
    has_revoked = (out / REVOKED).exists()
    texts = {"acl": rules, **_passwords(out, users, rotate)}
    # Last, because it names the others.
    texts["mosquitto.conf"] = _configuration(place, users, has_revoked=has_revoked)
    is_changed = False
    for name, text in texts.items():
        was_written = _replace(out / name, text, group=group if name != "new-passwords" else None)
        is_changed |= was_written
        yield f"{out / name}: {'written' if was_written else 'unchanged'}"
    counts = {kind: sum(user.identity == kind for user in users) for kind in ("certificate", "password")}
    yield f"{len(users)} users: {counts['certificate']} with a certificate, {counts['password']} with a password"
    yield from _next_steps(out, users, is_changed=is_changed, has_revoked=has_revoked)


def _registered(settings: Settings, *, may_be_missing: bool) -> list[RegisteredSender]:
    if not settings.warehouse_path.exists():
        if may_be_missing:
            return []
        raise NothingRegistered(f"no registry at {settings.warehouse_path}: `odograph import assignments …` first")
    with writer_lock(settings.lock_path, wait_s=WAIT_S), open_warehouse(settings.warehouse_path) as warehouse:
        return registered_senders(warehouse, datetime.now(UTC).replace(tzinfo=None))


def _configuration(place: BrokerPlace, users: Sequence[User], *, has_revoked: bool) -> str:
    identities = {user.identity for user in users}
    access = [
        "# Written by `odograph broker-config`: TLS 1.2 or newer, nobody without a name, rules in `acl`.",
        "# A user's name is also its client id, so that nobody can take over another's session.",
    ]
    if "certificate" in identities:
        access += [
            "",
            *_listener(place.folder, place.port),
            "require_certificate true",
            "use_identity_as_username true",
            *([f"crlfile {place.folder / REVOKED}"] if has_revoked else []),
        ]
    if "password" in identities:
        port = place.password_port if "certificate" in identities else place.port
        access += ["", *_listener(place.folder, port)]
    access += ["", "allow_anonymous false", f"acl_file {place.folder / 'acl'}"]
    if "password" in identities:
        access.append(f"password_file {place.folder / 'passwords'}")
    destination = str(place.log) if str(place.log) in ("stdout", "stderr") else f"file {place.log}"
    log = [f"log_dest {destination}", "log_type error", "log_type warning", "log_type notice", "log_type subscribe"]
    if place.log_denied:
        log += ["# Refused messages are logged at this level only, and so is every other message.", "log_type debug"]
    log.append("connection_messages true")
    return broker_conf(access="\n".join(access), state=place.state, user=place.user, log="\n".join(log))


def _listener(folder: Path, port: int) -> list[str]:
    return [
        f"listener {port}",
        "tls_version tlsv1.2",
        f"cafile {folder / CA}",
        f"certfile {folder / CERTIFICATE}",
        f"keyfile {folder / KEY}",
        "use_username_as_clientid true",
    ]


def _passwords(out: Path, users: Sequence[User], rotate: Sequence[str]) -> dict[str, str]:
    """The texts of `passwords` and `new-passwords`; who has a password keeps it unless it is to be rotated."""
    names = sorted(user.name for user in users if user.identity == "password")
    hashes = {name: line for name, line in _lines(out / "passwords").items() if name in names and name not in rotate}
    fresh = {name: line for name, line in _lines(out / "new-passwords").items() if name in hashes}
    for name in names:
        if name not in hashes:
            password = token_urlsafe(PASSWORD_BYTES)
            hashes[name], fresh[name] = f"{name}:{password_hash(password)}", f"{name}:{password}"
    texts = {}
    # The plain ones first: after a crash in between the next run makes others, and no hash is left that nobody knows.
    for file, lines in (("new-passwords", fresh), ("passwords", hashes)):
        if lines or (out / file).exists():
            texts[file] = "".join(f"{lines[name]}\n" for name in sorted(lines))
    return texts


def password_hash(password: str) -> str:
    """A password as mosquitto 2 keeps it: PBKDF2 with SHA-512, as `mosquitto_passwd` writes."""
    salt = token_bytes(SALT_BYTES)
    digest = pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS, HASH_BYTES)
    return f"$7${ROUNDS}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def _lines(path: Path) -> dict[str, str]:
    lines = path.read_text().splitlines() if path.exists() else []
    return {line.partition(":")[0]: line for line in lines if line}


def _replace(path: Path, text: str, *, group: str | None) -> bool:
    """Put a file in place whole; True where that changed it. Its group may read it, nobody else."""
    mode = 0o600 if group is None else 0o640
    if path.exists() and path.read_text() == text and path.stat().st_mode & 0o777 == mode:
        return False
    name = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # 0600 from the first moment
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            if group is not None:
                _give_to(descriptor, group)
            os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(descriptor)
        os.replace(name, path)
    except OSError as error:
        raise NotWritten(f"{path}: {error.strerror}") from error
    finally:
        if name is not None:
            Path(name).unlink(missing_ok=True)  # where all went well it has moved
    return True


def _give_to(descriptor: int, group: str) -> None:
    try:
        # A container's group may have no name here.
        os.fchown(descriptor, -1, int(group) if group.isdigit() else getgrnam(group).gr_gid)
    except KeyError as error:
        raise NotWritten(f"there is no group {group}") from error


def _next_steps(out: Path, users: Sequence[User], *, is_changed: bool, has_revoked: bool) -> Iterator[str]:
    missing = [name for name in (CA, CERTIFICATE, KEY) if not (out / name).exists()]
    if missing:
        yield f"still missing in {out}: {', '.join(missing)} (docs/deployment.md has the commands)"
    if not has_revoked and any(user.identity == "certificate" for user in users):
        yield f"no {REVOKED}: a stolen certificate still connects, and can do what its user may"
    if (out / "new-passwords").exists() and (out / "new-passwords").stat().st_size:
        yield f"hand out the passwords in {out / 'new-passwords'}, then delete that file"
    if is_changed:
        yield "rules, passwords and revoked certificates: have mosquitto read them by SIGHUP; listeners: restart it"
