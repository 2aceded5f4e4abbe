"""Who is mailed no more: what an event covers, which one holds, what many small failures come to."""

import threading
from datetime import UTC, datetime, timedelta

from flows.post.states import Event, Key, Standing, opened_events, read_events, standing

START = datetime(2026, 2, 1, tzinfo=UTC)
KEY = Key("a@b.example", "daily", "northwind")


def event(happened, day=0, *, report="daily", tenant="northwind", address="a@b.example", **said) -> Event:
    return Event(START + timedelta(days=day), address, report, tenant, happened, "command", **said)


def test_an_event_is_about_one_report_and_tenant_or_about_all():
    assert standing([event("unsubscribed")], KEY) == Standing("unsubscribed", START, "command")
    assert standing([event("unsubscribed", report=None, tenant=None)], KEY).state == "unsubscribed"
    for other in ({"report": "weekly"}, {"tenant": "nordwind"}, {"tenant": ""}, {"address": "c@b.example"}):
        assert standing([event("unsubscribed", **other)], KEY) == Standing("active")


def test_only_a_subscription_makes_active_again():
    gone = [event("unsubscribed", 1, why="asked"), event("bounced", 2), event("unsubscribed", 3, why="asked again")]
    assert standing(gone, KEY) == Standing("unsubscribed", START + timedelta(days=1), "asked")
    assert standing([*gone, event("subscribed", 4)], KEY).state == "active"
    assert standing([event("bounced", 1, why="no mailbox"), event("bounced", 2)], KEY) == Standing(
        "bounced", START + timedelta(days=1), "no mailbox"
    )
    assert standing([event("bounced", 1), event("unsubscribed", 2)], KEY).state == "unsubscribed"


def soft(days: list[float], mails: list[str] | None = None) -> list[Event]:
    names = mails or [f"<{day}@b>" for day in days]
    return [
        event("bounced for now", day, mail=mail, source=f"{day}", why="mailbox full")
        for day, mail in zip(days, names, strict=True)
    ]


def test_five_mails_in_a_fortnight_that_could_not_be_delivered_are_a_bounce():
    assert standing(soft([0, 3, 6, 9]), KEY).state == "active"
    held = standing(soft([0, 3, 6, 9, 14]), KEY)
    assert held.state == "bounced"
    assert held.since_utc == START + timedelta(days=14)
    assert held.why == "5 mails in 14 days could not be delivered; the last: mailbox full"
    assert standing(soft([0, 3, 6, 9, 14.1]), KEY).state == "active"


def test_one_mail_that_a_server_tells_of_again_and_again_counts_once():
    assert standing(soft([0, 1, 2, 3, 4], ["<same@b>"] * 5), KEY).state == "active"


def test_a_subscription_begins_the_count_anew():
    before, after = soft([0, 1, 2, 3]), soft([5, 6])
    assert standing([*before, event("subscribed", 4), *after], KEY).state == "active"
    assert standing([*before, *after], KEY).state == "bounced"


def test_what_was_noted_is_read_again_and_a_line_torn_by_a_crash_is_left_behind(tmp_path):
    path = tmp_path / "mail" / "recipients.jsonl"
    with opened_events(path) as events:
        events.note(event("unsubscribed", why="Grüße"))
    with path.open("ab") as book:
        book.write('{"at_utc": "2026-02-02", "why": "ü'.encode()[:-1])  # within a letter
    with opened_events(path) as events:
        events.note(event("subscribed", 1))
    assert [found.happened for found in read_events(path)] == ["unsubscribed", "subscribed"]
    assert read_events(path)[0] == event("unsubscribed", why="Grüße")
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert read_events(tmp_path / "none.jsonl") == []


def test_a_mail_that_is_read_again_is_noted_once(tmp_path):
    path = tmp_path / "recipients.jsonl"
    for noted in (True, False):
        with opened_events(path) as events:
            assert events.note(event("unsubscribed", source="<1@x>")) is noted
    with opened_events(path) as events:
        assert events.note(event("subscribed", source=""))
        assert events.note(event("unsubscribed", source="<2@x>"))
    assert len(read_events(path)) == 3


def test_of_two_writers_the_second_waits_and_sees_what_the_first_noted(tmp_path):
    path = tmp_path / "recipients.jsonl"
    noted = []

    def write() -> None:
        with opened_events(path) as events:
            noted.append(events.note(event("bounced", source="<1@x>")))

    second = threading.Thread(target=write)
    with opened_events(path) as events:
        second.start()
        second.join(0.1)
        assert events.note(event("bounced", source="<1@x>"))
    second.join()
    assert (noted, len(read_events(path))) == ([False], 1)
