"""How does one leave the list without a password? By a token that only we can have made, and that says who leaves what.

It holds address, report and tenant and their HMAC-SHA256 under a key of this data directory, so it still works when the
recipient is no longer in the file, and nobody can make one for somebody else. It is in the mail's headers and footer,
and in the subject of the mail that a mail program sends to unsubscribe.
"""

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from secrets import token_bytes
from typing import NamedTuple
from urllib.parse import quote

from flows.post.recipient_values import bare_address
from flows.post.recipients import Recipient
from flows.post.states import FILE_MODE, FOLDER_MODE, Event, Happened, Key, now_utc, opened_events
from flows.settings import Settings

PURPOSE = b"odograph unsubscribe 1\n"  # one key, one use: nothing else that it may sign is taken for a token
KEY_BYTES = 32
MAC_BYTES = 16  # of 32 (RFC 2104, 5): 128 bits nobody guesses, and an address that stays on one line
LONGEST_TOKEN = 800


class NoKey(Exception):
    """The key of this data directory is not what we made."""


class UnsubscribeUrls(NamedTuple):
    """How a recipient leaves: by one POST (RFC 8058) where a base URL is set, and by mail."""

    https: str | None
    mailto: str


def unsubscribe_urls(settings: Settings, recipient: Recipient) -> UnsubscribeUrls:
    """Return the addresses for the headers and the footer of a mail."""
    token = token_of(unsubscribe_key(settings), recipient.key)
    https = f"{settings.base_url.rstrip('/')}/unsubscribe/{token}" if settings.base_url else None
    to = bare_address(settings.mail_unsubscribe or settings.mail_from)
    return UnsubscribeUrls(https, f"mailto:{quote(to, safe='@+')}?subject=unsubscribe%20{token}")


def unsubscribe_key(settings: Settings) -> bytes:
    """Return the key of this data directory; it is made on first use, for its owner only."""
    path = settings.mail_dir / "unsubscribe.key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        _make_key(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:  # with an empty one anybody could take others off the list
        raise NoKey(f"{path} has {len(key)} bytes instead of {KEY_BYTES}: restore it, or delete it for a new one")
    return key


def _make_key(path: Path) -> None:
    """Write a key whole or not at all; of two at once the first one stays."""
    part = path.with_name(f"{path.name}.{os.getpid()}.{token_bytes(4).hex()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as out:
        out.write(token_bytes(KEY_BYTES))
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()


def token_of(key: bytes, who: Key) -> str:
    """Return the token of a recipient."""
    said = "\n".join(who).encode()
    return f"{_encoded(said)}.{_encoded(_mac(key, said))}"


def key_of(key: bytes, token: str) -> Key | None:
    """Return whose token it is; None for one that we did not make."""
    said_text, _, mac_text = token.partition(".")
    said, mac = _decoded(said_text), _decoded(mac_text)
    if len(token) > LONGEST_TOKEN or said is None or mac is None or not hmac.compare_digest(mac, _mac(key, said)):
        return None
    address, report, tenant_id = said.decode().split("\n")
    return Key(address, report, tenant_id)


def _mac(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, PURPOSE + said, "sha256")[:MAC_BYTES]


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes | None:
    """Return the bytes; None where they are not written as we write them, so that one token has one form."""
    try:
        content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return content if _encoded(content) == text else None


def note_all(
    settings: Settings,
    address: str,
    happened: Happened,
    *,
    how: str,
    why: str = "",
    report: str | None = None,
    tenant_id: str | None = None,
    source: str = "",
    mail: str = "",
) -> bool:
    """Note what happened to an address; unset: every report, every tenant. False where that mail was read before."""
    with opened_events(settings.recipient_events_path) as events:
        said = (now_utc(), bare_address(address), report, tenant_id, happened, how, why, source, mail)
        return events.note(Event(*said))


def unsubscribe(settings: Settings, who: Key, *, how: str, why: str = "", source: str = "") -> bool:
    """Take a recipient off the list; False where that mail was read before."""
    return note_all(
        settings, who.address, "unsubscribed",
        how=how, why=why, report=who.report, tenant_id=who.tenant_id, source=source,
    )  # fmt: skip


def chosen(listed: Sequence[Recipient], address: str, report: str | None, tenant_id: str | None) -> list[Recipient]:
    """Return the recipients of an address, of one report or tenant where given."""
    return [
        found
        for found in listed
        if found.key.address == bare_address(address)
        and report in (None, found.report)
        and tenant_id in (None, found.tenant_id)
    ]
