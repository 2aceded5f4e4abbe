"""How is a mail handed to a server?

`smtp://`, `smtps://` and `smtp+starttls://`, with user and password. Errors become reasons a person can act on; they
never hold the password.
"""

import logging
import re
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from flows.post.bounces import MAILBOX_FULL, NO_SUCH_MAILBOX, status_of

logger = logging.getLogger(__name__)

PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
TIMEOUT_S = 30.0
END_TIMEOUT_S = 600.0  # RFC 5321 4.5.3.2.6: who hangs up while the server stores the mail sends it twice


ABOUT_ADDRESS = (550, 551, 553)  # RFC 5321 4.2.3, where no enhanced status says more
OURS = (530, 535)  # RFC 4954: log in first
_OUR_STATUS = re.compile(r"5\.1\.[78]|5\.[3-7]\.\d+")  # RFC 3463: the sender, systems, routes, protocol, policy
_OUR_WORDS = re.compile(
    r"relay|authenti|log ?in|quota|limit|policy|denied|allowed|spam|block|reputation|spf|dkim|dmarc", re.IGNORECASE
)


class SmtpServer(NamedTuple):
    """Where and how to hand over mails."""

    scheme: str
    host: str
    port: int
    user: str | None
    password: str | None

    def __repr__(self) -> str:
        """Return the address without the password, for logs."""
        return f"{self.scheme}://{self.host}:{self.port}"


def smtp_server(url: str) -> SmtpServer:
    """Return the parts of `smtp://`, `smtps://` or `smtp+starttls://user:password@host:port`, percent-decoded."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise ValueError("smtp_url: the port is not a number from 0 to 65535") from None
    if parts.scheme not in PORTS or not parts.hostname:
        # The URL itself may hold a password and stays out of the message.
        raise ValueError(f"smtp_url: expected {', '.join(f'{scheme}://' for scheme in PORTS)} and a host")
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return SmtpServer(parts.scheme, parts.hostname, port or PORTS[parts.scheme], user, password)


@contextmanager
def connected(server: SmtpServer) -> Iterator[smtplib.SMTP]:
    """Open a connection, secured and logged in as the URL says."""
    context = ssl.create_default_context()
    if server.scheme == "smtps":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=context)
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
    try:
        if server.scheme == "smtp+starttls":
            connection.starttls(context=context)
        if server.user is not None:
            if server.scheme == "smtp":
                logger.warning("the mail password goes to %s unencrypted; use smtp+starttls:// or smtps://", server)
            connection.login(server.user, server.password or "")
        yield connection
    finally:
        _closed(connection)


def _closed(connection: smtplib.SMTP) -> None:
    """Say goodbye where the server still listens; a mail that was accepted stays accepted."""
    try:
        connection.quit()
    except (smtplib.SMTPException, OSError):
        connection.close()


def refusal(connection: smtplib.SMTP, mail: EmailMessage) -> str:
    """Send one mail that no outbox keeps; returns why the server refused it, empty if it did not."""
    try:
        connection.send_message(mail)
    except smtplib.SMTPServerDisconnected:
        raise
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        return f"the server refused the recipient ({code} {_decoded(text)})"
    except smtplib.SMTPResponseException as error:
        return f"the server refused the mail ({error.smtp_code} {_decoded(error.smtp_error)})"
    return ""


class Outcome(NamedTuple):
    """What a server made of one mail.

    `waiting` may be tried again, `refused` not. After `unknown` the server may have it or not: the connection was lost
    between the end of the mail and its answer. `is_lost`: the connection is of no more use. `at_recipient`: it was the
    address that was not taken.
    """

    state: Literal["sent", "refused", "waiting", "unknown"]
    reason: str = ""
    is_lost: bool = False
    at_recipient: bool = False


def hand_over(
    connection: smtplib.SMTP,
    server: SmtpServer,
    *,
    sender: str,
    recipient: str,
    content: bytes,
    before_end: Callable[[], None],
) -> Outcome:
    """Hand over one mail, lines ending in CRLF; `before_end` is called before the line that ends it leaves.

    Until then no server can have accepted it, whatever happens; afterwards only the answer tells.
    """
    has_ended = False
    try:
        if refused := _announced(connection, sender, recipient):
            return refused
        connection.send(_dotted(content))
        before_end()
        has_ended = True
        if connection.sock:
            connection.sock.settimeout(END_TIMEOUT_S)
        connection.send(b".\r\n")
        code, text = connection.getreply()
        if connection.sock:
            connection.sock.settimeout(TIMEOUT_S)
    except (smtplib.SMTPServerDisconnected, OSError) as error:
        if has_ended:
            return Outcome("unknown", f"{server} did not answer after the end of the mail ({error})", is_lost=True)
        return Outcome("waiting", f"{server} closed the connection before the end of the mail ({error})", is_lost=True)
    answer = f"{code} {_decoded(text)}".strip()
    if 200 <= code < 300:
        return Outcome("sent", answer)
    if not 400 <= code < 600:
        return Outcome("unknown", f"{server} answered the end of the mail with no answer ({answer})", is_lost=True)
    return _judged(code, f"the server refused the mail ({answer})")


def _announced(connection: smtplib.SMTP, sender: str, recipient: str) -> Outcome | None:
    """Say from whom and to whom, and ask to begin; None where the server waits for the mail."""
    options: list[str] = []
    connection.ehlo_or_helo_if_needed()
    if not (sender.isascii() and recipient.isascii()):
        if not connection.has_extn("smtputf8"):
            return Outcome("refused", "the server takes only addresses in ASCII (it has no SMTPUTF8)")
        options = ["SMTPUTF8", "BODY=8BITMIME"]
        connection.command_encoding = "utf-8"
    code, text = connection.mail(sender, options)
    if not 200 <= code < 300:
        # Ours to mend, be it 5xx: no recipient shall lose a mail for it.
        outcome = _taken_back(connection, code, f"the server refused the sender ({code} {_decoded(text)})")
        return outcome._replace(state="waiting")
    code, text = connection.rcpt(recipient)
    if not 200 <= code < 300:
        answer = f"{code} {_decoded(text)}"
        outcome = _taken_back(connection, code, f"the server refused the recipient ({answer})")
        if is_about_address(code, answer):
            return outcome._replace(at_recipient=True)
        # A relay that does not know us, a quota, a full mailbox: somebody can mend it while the mail waits.
        return outcome._replace(state="waiting")
    code, text = connection.docmd("DATA")
    if code != 354:
        return _taken_back(connection, code, f"the server refused the mail ({code} {_decoded(text)})")
    return None


def is_about_address(code: int, answer: str) -> bool:
    """Whether an answer to a recipient says that there is no such address, and not that we may not send to it.

    Nobody is taken off the list for a fault of ours: in doubt the mail waits, is given up, and a person looks.
    """
    status = status_of(answer)
    if NO_SUCH_MAILBOX.fullmatch(status):
        return True
    if code not in ABOUT_ADDRESS or _OUR_STATUS.fullmatch(status) or status == MAILBOX_FULL:
        return False
    return not _OUR_WORDS.search(answer)


def _taken_back(connection: smtplib.SMTP, code: int, reason: str) -> Outcome:
    """End a mail that was not taken, so that the next one can begin."""
    outcome = _judged(code, reason)
    try:
        if not outcome.is_lost:
            connection.rset()
    except OSError:
        return outcome._replace(is_lost=True)
    return outcome


def _judged(code: int, reason: str) -> Outcome:
    """5xx is for ever but where it asks us to log in, 4xx for now; after 421 the server hangs up."""
    state: Literal["refused", "waiting"] = "refused" if code >= 500 and code not in OURS else "waiting"
    return Outcome(state, reason, is_lost=code == 421)


def _dotted(content: bytes) -> bytes:
    """Return the lines as SMTP carries them: one that begins with a dot has two, and the last one ends."""
    return re.sub(rb"(?m)^\.", b"..", content) + (b"" if content.endswith(b"\r\n") else b"\r\n")


def reason_of(error: Exception, server: SmtpServer) -> str:
    """Return a connection's error as a reason without the password."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"{server} refused the user name or password ({error.smtp_code} {_decoded(error.smtp_error)})"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{server} answered {error.smtp_code} {_decoded(error.smtp_error)}"
    if isinstance(error, smtplib.SMTPException):
        return f"{server}: {error}"
    return f"{server} cannot be reached ({error.strerror if isinstance(error, OSError) and error.strerror else error})"


def _decoded(text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(words.split())
