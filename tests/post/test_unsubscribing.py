"""Leaving without a password: tokens that only we can make, and a page that changes nothing until one POST."""

import http.client
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.orchestration import unsubscribe_page
from flows.post import unsubscribe_server
from flows.post.recipients import Recipient
from flows.post.states import Key, read_events, standing
from flows.post.unsubscribe_server import AddressTaken, UnsubscribeServer, unsubscribe_served
from flows.post.unsubscribing import NoKey, key_of, token_of, unsubscribe_key, unsubscribe_urls
from flows.settings import Settings

OWNER = Recipient("Owner <Owner@Northwind.example>", "daily", "northwind", "0 6 * * *", "UTC")
KEY = b"k" * 32


def settings_at(folder: Path, **given) -> Settings:
    given = {"base_url": "https://fleet.example/post/", "unsubscribe_port": 0, "mail_from": "o@fleet.example"} | given
    return Settings(_env_file=None, data_dir=folder, **given)


# ---------------------------------------------------------------------------------------------- tokens


ADDRESSES = st.from_regex(r"[a-z0-9.+ü]{1,20}@[a-z0-9-]{1,20}\.example", fullmatch=True)


@given(ADDRESSES, st.sampled_from(["daily", "network"]), st.from_regex(r"[A-Za-z0-9][\w.-]{0,30}", fullmatch=True))
def test_a_token_says_whose_it_is(address, report, tenant):
    who = Key(address.lower(), report, tenant)
    assert key_of(KEY, token_of(KEY, who)) == who
    assert key_of(b"x" * 32, token_of(KEY, who)) is None


@given(st.integers(0, 10_000), st.characters(codec="ascii"))
def test_a_token_with_one_letter_changed_is_nobody_s(place, letter):
    token = token_of(KEY, OWNER.key)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    assert key_of(KEY, changed) == (OWNER.key if changed == token else None)


def test_a_token_has_one_form():
    token = token_of(KEY, OWNER.key)
    said, mac = token.split(".")
    last = "AQgw"[("AQgw".index(mac[-1]) + 1) % 4]
    spare = mac[:-1] + chr(ord(last) + 1)  # the same bytes, and a bit that none of them has
    for other in (f"{token}==", f"{said}!.{mac}", f"{said}.{spare}", f"{token}\n"):
        assert key_of(KEY, other) is None


@given(st.text())
def test_whatever_is_asked_is_answered(token):
    assert key_of(KEY, token) is None


def test_the_token_of_one_tenant_or_report_stops_no_other():
    assert (
        len({token_of(KEY, OWNER.key._replace(**change)) for change in ({}, {"report": "weekly"}, {"tenant_id": "t2"})})
        == 3
    )


def test_the_key_is_made_once_for_its_owner_only(tmp_path):
    settings = settings_at(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        keys = {*pool.map(lambda _: unsubscribe_key(settings), range(8))}
    assert [len(key) for key in keys] == [32]
    (path,) = settings.mail_dir.iterdir()
    assert (path.name, path.stat().st_mode & 0o777) == ("unsubscribe.key", 0o600)
    assert unsubscribe_key(settings_at(tmp_path / "other")) not in keys


@pytest.mark.parametrize("key", [b"", b"short"])
def test_a_key_that_is_none_is_refused_for_anybody_could_sign_with_it(tmp_path, key):
    settings = settings_at(tmp_path)
    settings.mail_dir.mkdir(parents=True, exist_ok=True)
    (settings.mail_dir / "unsubscribe.key").write_bytes(key)
    with pytest.raises(NoKey, match=f"has {len(key)} bytes instead of 32"):
        unsubscribe_key(settings)


@pytest.mark.parametrize(
    "given",
    [
        {"mail_from": "nobody"},
        {"mail_from": ""},
        {"mail_unsubscribe": "zzz"},
        {"alert_to": "a@b.example, ops"},
        {"report_cron": "99 * * * *"},
        {"post_cron": "x"},
        {"refresh_cron": "0 0 31 2 *"},
    ],
)
def test_an_address_or_a_schedule_that_is_none_is_refused_at_the_start(tmp_path, given):
    with pytest.raises(ValueError, match=r"expected|no schedule"):
        Settings(_env_file=None, data_dir=tmp_path, **given)


def test_there_is_always_a_mail_address_and_a_link_where_a_base_url_is_set(tmp_path):
    token = token_of(unsubscribe_key(settings_at(tmp_path)), OWNER.key)
    with_link = unsubscribe_urls(settings_at(tmp_path), OWNER)
    assert with_link.https == f"https://fleet.example/post/unsubscribe/{token}"
    assert with_link.mailto == f"mailto:o@fleet.example?subject=unsubscribe%20{token}"
    by_mail = unsubscribe_urls(settings_at(tmp_path, base_url=None, mail_unsubscribe="Stop <stop+a@b.example>"), OWNER)
    assert by_mail == (None, f"mailto:stop+a@b.example?subject=unsubscribe%20{token}")


@pytest.mark.parametrize("url", ["http://fleet.example", "https://", "https://u:p@h", "https://h/?a", "https://h/a b"])
def test_a_base_url_without_tls_or_with_more_than_a_path_is_refused(tmp_path, url):
    with pytest.raises(ValueError, match="expected https://"):
        settings_at(tmp_path, base_url=url)


# ---------------------------------------------------------------------------------------------- the page


@pytest.fixture
def served(tmp_path):
    with unsubscribe_served(settings_at(tmp_path)) as server:
        yield server


def ask(server: UnsubscribeServer, method: str, path: str, body: bytes | None = None, **headers: str):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def path_of(server: UnsubscribeServer, recipient: Recipient = OWNER) -> str:
    return f"/unsubscribe/{token_of(server.key, recipient.key)}"


def state(server: UnsubscribeServer, recipient: Recipient = OWNER) -> str:
    return standing(read_events(server.settings.recipient_events_path), recipient.key).state


def test_a_scanner_that_follows_the_link_changes_nothing(served):
    for method in ("GET", "HEAD"):
        status, headers, page = ask(served, method, path_of(served))
        assert (status, "owner<wbr>@northwind.example" in page) == (200, method == "GET")
    assert 'method="post"' in ask(served, "GET", path_of(served))[2]
    assert state(served) == "active"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Python" not in headers["Server"]


@pytest.mark.parametrize("prefix", ["", "/post"])
def test_one_post_takes_off_the_list_once_and_for_that_report_only(served, prefix):
    body = b"List-Unsubscribe=One-Click"
    for _ in range(2):
        status, headers, page = ask(served, "POST", prefix + path_of(served), body)
        assert (status, "Location" in headers, "Stopped" in page) == (200, False, True)
    assert state(served) == "unsubscribed"
    assert state(served, OWNER._replace(report="weekly")) == "active"
    (event,) = read_events(served.settings.recipient_events_path)
    assert event.how == "one click"


@pytest.mark.parametrize(
    "path",
    ["/", "/unsubscribe/", "/unsubscribe/a.b", "/unsubscribe/../mail/unsubscribe.key", "//etc/passwd", "/x" * 900],
)
def test_what_is_no_token_is_not_there_and_nothing_is_said_of_it(served, path):
    answers = [ask(served, method, path) for method in ("GET", "POST")]
    assert {(status, page) for status, _, page in answers} == {(404, ask(served, "GET", "/nothing")[2])}


def test_other_methods_and_bodies_too_long_are_refused(served):
    assert ask(served, "DELETE", path_of(served))[0] == 501
    assert ask(served, "POST", path_of(served), b"x" * 5000)[0] == 413
    assert ask(served, "POST", path_of(served), None, **{"Content-Length": "-1"})[0] == 413
    assert state(served) == "active"


def connected(server: UnsubscribeServer) -> socket.socket:
    return socket.create_connection(server.server_address[:2], timeout=5)


def test_who_sends_too_slowly_is_hung_up_on_and_the_others_are_served(tmp_path, monkeypatch):
    monkeypatch.setattr(unsubscribe_server, "WHOLE_S", 0.3)
    with unsubscribe_served(settings_at(tmp_path)) as server, connected(server) as slow:
        slow.sendall(b"POST /unsubscribe/a HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
        assert ask(server, "GET", path_of(server))[0] == 200
        assert slow.recv(100) == b""


def test_no_more_are_served_at_once_than_there_are_places(tmp_path, monkeypatch):
    monkeypatch.setattr(unsubscribe_server, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(unsubscribe_server, "WAIT_S", 0.1)
    with unsubscribe_served(settings_at(tmp_path)) as server, connected(server) as first:
        first.sendall(b"GET ")
        with connected(server) as second:
            second.sendall(b"GET /nothing HTTP/1.0\r\n\r\n")
            assert second.recv(100) == b""


def test_an_address_that_is_taken_is_said_in_one_line(served):
    settings = served.settings.model_copy(update={"unsubscribe_port": served.server_address[1]})
    with pytest.raises(AddressTaken, match=r"cannot listen at 127\.0\.0\.1:\d+ \(Address already in use\)"):
        UnsubscribeServer(settings)


def test_the_line_goes_on_where_the_page_has_no_place(served, capsys):
    taken = served.settings.model_copy(update={"unsubscribe_port": served.server_address[1]})
    with unsubscribe_page(taken), unsubscribe_page(taken.model_copy(update={"base_url": None})):
        assert capsys.readouterr().err.startswith("nobody can unsubscribe by one click: cannot listen at 127.0.0.1:")
