"""Who hears of a run that failed or crashed? ODOGRAPH_ALERT_TO, by mail: what failed, since when, and what to do.

One mail for each flow and hour, however often it fails. What a flow's failures began with is a file in `alerts/` below
the data directory; the next run that completes deletes it. Mails hold no password and no traceback.
"""

import json
import logging
import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from smtplib import SMTPException
from typing import Any

from prefect.client.schemas.objects import FlowRun, State
from prefect.utilities.urls import url_for

from flows.post.smtp import connected, reason_of, refusal, smtp_server
from flows.settings import Settings

logger = logging.getLogger(__name__)

QUIET = timedelta(hours=1)
SHOWN_CHARACTERS = 2000
FOLDER_MODE, FILE_MODE = 0o700, 0o600
_PASSWORD = re.compile(r"://[^/@\s]+@")

WHAT_TO_DO = {
    "odograph-refresh": "Run `odograph status`: it says what needs a person. Readers see the last good copy, collectors"
    " keep everything, and the next refresh goes on where this one stopped.",
    "odograph-reports": "Run `odograph status` and look at the mail lines. What was sent is not sent again; what was"
    " not is tried by the next run.",
    "odograph-upkeep": "Look at the free space of the disk, and run `odograph privacy expire --dry-run` to see what is"
    " over its time. The next night tries again.",
    "odograph-backfill": "Start it again with the same dates: it goes on where it stopped, and does nothing twice.",
}


def tell_failure(flow: Any, flow_run: FlowRun, state: State[Any]) -> None:
    """Mail that a run failed or crashed, unless somebody was told of this flow within the hour."""
    settings = Settings.read()
    now = datetime.now(UTC)
    path = _known_path(settings, flow.name)
    known = _read(path)
    since_utc = known.get("since_utc", now.isoformat())
    told_utc = known.get("told_utc")
    is_told = told_utc is not None and now - datetime.fromisoformat(told_utc) < QUIET
    if settings.alert_to and not is_told:
        mail = alert(settings, flow.name, flow_run, state, datetime.fromisoformat(since_utc))
        told_utc = now.isoformat() if _send(settings, mail) else told_utc
    _write(path, {"since_utc": since_utc} | ({"told_utc": told_utc} if told_utc else {}))


def tell_recovery(flow: Any, flow_run: FlowRun, state: State[Any]) -> None:
    """Forget the failures of a flow: a run completed."""
    _known_path(Settings.read(), flow.name).unlink(missing_ok=True)


def alert(settings: Settings, flow_name: str, flow_run: FlowRun, state: State[Any], since: datetime) -> EmailMessage:
    """The mail about one failed run."""
    ended = "crashed" if state.is_crashed() else "failed"
    mail = EmailMessage()
    mail["Subject"] = f"{flow_name} {ended}"
    mail["From"] = settings.mail_from
    mail["To"] = settings.alert_to
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain="odograph")
    mail["Auto-Submitted"] = "auto-generated"
    lines = [
        f"A run of {flow_name} {ended}.",
        "",
        f"What:   {without_secrets(settings, state.message or 'no message')[:SHOWN_CHARACTERS]}",
        f"Since:  {since:%Y-%m-%d %H:%M} UTC; no run of it has completed after that",
        f"To do:  {WHAT_TO_DO[flow_name]}",
        f"Run:    {url_for(flow_run) or flow_run.id}",
        "",
        "Further failures of it are not mailed for an hour.",
    ]
    mail.set_content("\n".join(lines) + "\n")
    return mail


def without_secrets(settings: Settings, text: str) -> str:
    """A text without users and passwords of URLs, and without the values of settings that are secret."""
    for name, field in type(settings).model_fields.items():
        secret = getattr(settings, name)
        if not field.repr and secret:
            text = text.replace(str(secret), "…")
    return _PASSWORD.sub("://…@", text)


def _send(settings: Settings, mail: EmailMessage) -> bool:
    """Send it, or write it as a file where no server is set; a mail that cannot leave is logged."""
    if settings.smtp_url is None:
        settings.mail_dir.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        path = settings.mail_dir / f"{mail['Subject'].replace(' ', '-')}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.eml"
        path.touch(FILE_MODE)
        path.write_bytes(mail.as_bytes())
        return True
    server = smtp_server(settings.smtp_url)
    try:
        with connected(server) as connection:
            why = refusal(connection, mail)
    except (SMTPException, OSError) as error:
        why = reason_of(error, server)
    if why:
        logger.error("nobody was told of the failure: %s", why)
    return not why


def _known_path(settings: Settings, flow_name: str) -> Path:
    return settings.data_dir / "alerts" / f"{flow_name}.json"


def _read(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _write(path: Path, entry: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(entry), encoding="utf-8")
    part.replace(path)
