"""A flow that fails is told of by mail: once an hour, with what to do, and without secrets."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from types import SimpleNamespace
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Crashed, Failed

from flows.deployments import alerts
from flows.deployments.alerts import WHAT_TO_DO, tell_failure, tell_recovery
from flows.deployments.served import DEPLOYMENTS
from flows.settings import Settings
from tests.builders import settings_in
from tests.post.test_mail import Inbox, smtp

REFRESH = SimpleNamespace(name="odograph-refresh")
REPORTS = SimpleNamespace(name="odograph-reports")
RUN = FlowRun(id=uuid4(), flow_id=uuid4(), name="refresh 14:15")
FAILED = Failed(message="CheckFailed: smtp://post:geheim@mail.example.com refused; token tok-123")


class Clock(datetime):
    """A clock that stands."""

    at = datetime(2026, 11, 21, 14, 15, tzinfo=UTC)

    @classmethod
    def now(cls, tz=None):
        return cls.at


@pytest.fixture
def settings(tmp_path, monkeypatch):
    found = settings_in(tmp_path, alert_to="ops@example.com, night@example.com", serve_sql_token="tok-123")
    monkeypatch.setattr(Settings, "read", classmethod(lambda _cls: found))
    monkeypatch.setattr(alerts, "datetime", Clock)
    monkeypatch.setattr(Clock, "at", Clock.at)
    return found


def mails(settings) -> list[dict]:
    read = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in settings.mail_dir.glob("*.eml")]
    return sorted(
        ({"subject": mail["Subject"], "to": mail["To"], "text": mail.get_content()} for mail in read), key=str
    )


def test_the_mail_says_what_failed_since_when_and_what_to_do_and_no_secret(settings):
    tell_failure(REFRESH, RUN, FAILED)
    [mail] = mails(settings)
    assert mail["subject"] == "odograph-refresh failed"
    assert mail["to"] == "ops@example.com, night@example.com"
    assert "Since:  2026-11-21 14:15 UTC" in mail["text"]
    assert WHAT_TO_DO["odograph-refresh"] in mail["text"]
    assert "smtp://…@mail.example.com refused; token …" in mail["text"]
    assert not any(secret in mail["text"] for secret in ("geheim", "tok-123"))


def test_one_mail_a_flow_and_hour_and_the_first_failure_is_remembered_until_a_run_completes(settings):
    for minutes in (0, 30, 59):
        Clock.at += timedelta(minutes=minutes)
        tell_failure(REFRESH, RUN, FAILED)
    tell_failure(REPORTS, RUN, Crashed())
    assert [mail["subject"] for mail in mails(settings)] == [
        "odograph-refresh failed",
        "odograph-refresh failed",
        "odograph-reports crashed",
    ]
    assert all("Since:  2026-11-21 14:15 UTC" in mail["text"] for mail in mails(settings)[:2])
    tell_recovery(REFRESH, RUN, FAILED)
    Clock.at += timedelta(minutes=1)
    tell_failure(REFRESH, RUN, FAILED)
    assert sum("Since:  2026-11-21 15:45 UTC" in mail["text"] for mail in mails(settings)) == 1


def test_nobody_is_told_where_nobody_is_named(settings, monkeypatch):
    silent = settings.model_copy(update={"alert_to": ""})
    monkeypatch.setattr(Settings, "read", classmethod(lambda _cls: silent))
    tell_failure(REFRESH, RUN, FAILED)
    assert mails(silent) == []


def test_every_flow_has_advice():
    assert WHAT_TO_DO.keys() == {found.flow.name for found in DEPLOYMENTS}


def test_it_leaves_through_the_mail_server_and_one_that_is_away_is_asked_again(settings, monkeypatch):
    inbox = Inbox()
    with smtp(inbox) as address:
        for url in ("smtp://127.0.0.1:9", f"smtp://{address}"):
            found = settings.model_copy(update={"smtp_url": url})
            monkeypatch.setattr(Settings, "read", classmethod(lambda _cls, found=found: found))
            tell_failure(REFRESH, RUN, FAILED)  # the second within the hour, but nobody was told
    assert sorted(inbox.recipients) == ["night@example.com", "ops@example.com"]
