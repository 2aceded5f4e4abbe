"""How long is a mail tried, and which one waits for a person?"""

from datetime import timedelta
from typing import Literal, NamedTuple

from flows.post.outbox import Entry
from flows.settings import Settings

MOST_UNKNOWN = 3  # a server that takes a mail and never says so would get it for a day


class Rules(NamedTuple):
    """How long a mail is tried, and what becomes of one that may have arrived."""

    give_up_after: timedelta = timedelta(hours=24)
    on_unknown: Literal["resend", "hold"] = "resend"


USUAL = Rules()


def rules_of(settings: Settings) -> Rules:
    """Return how long a mail is tried, as the settings say."""
    return Rules(timedelta(hours=settings.mail_give_up_h), settings.mail_on_unknown)


def is_held(entry: Entry, rules: Rules) -> bool:
    """Whether a mail that may have arrived waits for a person."""
    return entry.state == "unknown" and (rules.on_unknown == "hold" or entry.unknowns >= MOST_UNKNOWN)
