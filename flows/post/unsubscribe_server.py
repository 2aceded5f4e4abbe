"""What answers at the https address of List-Unsubscribe? A page with one button, behind the operator's TLS proxy.

A POST takes the recipient off the list (RFC 8058: one click of a mail program, nothing to log in to). A GET shows the
page and changes nothing, because scanners of mail follow every link. Whatever is not a token of ours is not there.
"""

import logging
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Thread, Timer
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from flows.post.recipient_values import bare_address
from flows.post.states import Key, read_events, standing
from flows.post.unsubscribing import LONGEST_TOKEN, key_of, unsubscribe, unsubscribe_key
from flows.report.kinds import KINDS
from flows.settings import Settings

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 32  # a proxy sends few; beyond this they wait in the kernel's queue or are refused
WAIT_S = 10.0  # for the next bytes of a request
WHOLE_S = 20.0  # for all of it, however the bytes trickle
STOP_S = 0.1  # how often it looks whether it is to stop
LONGEST_BODY = 4096  # `List-Unsubscribe=One-Click` in either form of RFC 8058
_PATH = re.compile(r"/unsubscribe/([A-Za-z0-9_.-]+)")
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "Content-Type": "text/html; charset=utf-8",
    "Referrer-Policy": "no-referrer",  # the address of the page is the permission itself
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
_templates = Environment(
    loader=PackageLoader("flows.post"), autoescape=select_autoescape(["html.j2"]), undefined=StrictUndefined
)


class AddressTaken(Exception):
    """Nobody can listen at that address."""


class UnsubscribeServer(ThreadingHTTPServer):
    """The server; it knows the settings, and how many it serves at once."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.key = unsubscribe_key(settings)
        self.prefix = urlsplit(settings.base_url or "").path.rstrip("/")
        self._places = BoundedSemaphore(MOST_AT_ONCE)
        address = settings.unsubscribe_host, settings.unsubscribe_port
        self.address_family = socket.AF_INET6 if ":" in settings.unsubscribe_host else socket.AF_INET
        try:
            super().__init__(address, _Page)
        except OSError as error:
            raise AddressTaken(f"cannot listen at {address[0]}:{address[1]} ({error.strerror or error})") from error

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve in a thread of its own, if one is free."""
        if not self._places.acquire(timeout=WAIT_S):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one request within a time that no trickle of bytes prolongs."""
        deadline = Timer(WHOLE_S, _cut, [request])
        deadline.daemon = True
        deadline.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            deadline.cancel()
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong; who went away in the middle is no error of ours."""
        logger.debug("unsubscribe: a request was not answered", exc_info=True)


def _cut(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        logger.debug("unsubscribe: a slow request had ended by itself")


class _Page(BaseHTTPRequestHandler):
    """One request."""

    server: UnsubscribeServer
    timeout = WAIT_S
    server_version, sys_version = "odograph", ""

    def do_GET(self) -> None:
        """Show what would end, and a button."""
        if who := self._who():
            self._answer(200, "ask", who)

    do_HEAD = do_GET  # noqa: N815 - the name of http.server

    def do_POST(self) -> None:
        """End it. The body says nothing that the token does not, and is only read so that the answer is heard."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > LONGEST_BODY:
            self.send_error(413)
            return
        self.rfile.read(int(length))
        if who := self._who():
            if standing(read_events(self.server.settings.recipient_events_path), who).state != "unsubscribed":
                unsubscribe(self.server.settings, who, how="one click")
                logger.info("unsubscribed by one click: %s", who.report)
            self._answer(200, "done", who)

    def _who(self) -> Key | None:
        """Whose token it is; answered as not there where it is none."""
        path = self.path.partition("?")[0]
        # A proxy may pass on the path of the base URL, or take it off.
        if self.server.prefix and path.startswith(f"{self.server.prefix}/"):
            path = path.removeprefix(self.server.prefix)
        token = _PATH.fullmatch(path) if len(path) <= LONGEST_TOKEN + 20 else None
        who = key_of(self.server.key, token[1]) if token else None
        if who is None:
            self.send_error(404)
        return who

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer without a word of what was asked, or of what there is."""
        self._answer(code, "no", None)

    def _answer(self, status: int, page: str, who: Key | None) -> None:
        title = KINDS[who.report].title if who and who.report in KINDS else who.report if who else ""
        contact = bare_address(self.server.settings.mail_from)
        content = _templates.get_template("unsubscribe.html.j2").render(
            page=page, who=who, title=title, contact=contact
        )
        body = content.encode()
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of http.server
        """Log nothing of its own: a path names who reads what."""


@contextmanager
def unsubscribe_served(settings: Settings) -> Iterator[UnsubscribeServer]:
    """Answer in the background for as long as the block runs."""
    with UnsubscribeServer(settings) as server:
        thread = Thread(target=server.serve_forever, args=(STOP_S,), name="unsubscribe", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
