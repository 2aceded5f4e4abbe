"""How is a mail handed to a server?

`smtp://`, `smtps://` and `smtp+starttls://`, with user and password. Errors become reasons a person can act on; they
never hold the password.
"""

import logging
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

logger = logging.getLogger(__name__)

PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
TIMEOUT_S = 30.0


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
    """Send one mail; returns why the server refused it, empty if it did not."""
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
