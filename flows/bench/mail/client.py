"""How are the mails of the drill sent? As reports are: through the outbox, until each has left or was refused.

    python -m flows.bench.mail.client MAIL_DIR PORT BATCH RECIPIENT…

Waits between tries are skipped: the clock that decides them runs ahead by an hour with every round.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from flows.post.mail import bytes_of, key_in, message
from flows.post.outbox import opened
from flows.post.patience import Rules
from flows.post.sending import has_left, ready, send, settle_unknown
from flows.post.smtp import smtp_server
from flows.report.rendered import Report, day_period

SENDER = "Odograph <odograph@line.example>"
RULES = Rules(give_up_after=timedelta(days=300))
MOST_ROUNDS = 200


def batch_report(batch: int) -> Report:
    """Return a report that is another one in each batch."""
    day = date(2026, 1, 1) + timedelta(days=batch)
    name = f"batch {batch}"
    return Report("daily", "drill", day_period(day), name, f"<html><body>{name}</body></html>", f"{name}\n", {}, {})


def main(mail_dir: Path, port: int, batch: int, recipients: Sequence[str]) -> None:
    """Put the mails of a batch into the outbox and send until nothing is left to send."""
    server = smtp_server(f"smtp://127.0.0.1:{port}")
    report = batch_report(batch)
    with opened(mail_dir / "sent.jsonl") as outbox:
        settle_unknown(outbox)
        for recipient in recipients:
            mail = message(report, sender=SENDER, recipient=recipient)
            if not has_left(outbox, key_in(mail), server) and outbox.state(key_in(mail)) != "refused":
                outbox.put(key_in(mail), bytes_of(mail), recipient)
        for round_number in range(MOST_ROUNDS):
            ahead = datetime.now(UTC) + timedelta(hours=round_number)
            if not (keys := ready(outbox, ahead, RULES)):
                return
            send(outbox, keys, server, mail_dir=mail_dir, rules=RULES)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
