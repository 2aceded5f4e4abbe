"""Which mails are in a file, and what do their headers say? An mbox, a folder in the form of Maildir, or one mail."""

import mailbox
import sys
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage, Message
from pathlib import Path

LONGEST_MAIL = 16 << 20  # bytes; ours are below one, and one that is longer is none that comes back


class NoMailbox(Exception):
    """Nothing there that holds mails."""


def mails_in(path: Path) -> Iterator[EmailMessage]:
    """Return the mails of a file or folder, `-` for one on standard input; what is read stays where it is."""
    if str(path) == "-":
        yield parsed(sys.stdin.buffer.read(LONGEST_MAIL))
        return
    try:
        if path.is_dir():
            yield from _maildir(path)
            return
        with path.open("rb") as content:
            is_mbox = content.read(5) == b"From "
        if not is_mbox:
            with path.open("rb") as content:
                yield parsed(content.read(LONGEST_MAIL))
            return
        box = mailbox.mbox(path, create=False)
        for key in box.iterkeys():
            yield parsed(box.get_bytes(key)[:LONGEST_MAIL])
    except OSError as error:
        raise NoMailbox(f"cannot read {path} ({error.strerror or error})") from error


def _maildir(path: Path) -> Iterator[EmailMessage]:
    if not (path / "new").is_dir() or not (path / "cur").is_dir():
        raise NoMailbox(f"{path} is a folder and no Maildir: it has no new/ and cur/")
    for part in ("new", "cur"):
        for found in sorted((path / part).iterdir()):
            if found.is_file():
                with found.open("rb") as content:
                    yield parsed(content.read(LONGEST_MAIL))


def parsed(content: bytes) -> EmailMessage:
    """Return a mail; whatever the bytes, it is one."""
    return message_from_bytes(content, policy=policy.default)  # type: ignore[return-value]  # as the policy says


def header(mail: Message, name: str) -> str:
    """Return a header, empty where there is none or nobody can read it."""
    try:
        return str(mail.get(name, ""))
    except (IndexError, AttributeError, ValueError, TypeError, MessageError):
        return ""  # the standard library's parser stumbles over `From: <`
