"""How many are mailed, and whom do mails not reach? What `odograph status` says of recipients.

It stands apart from what the commands of `odograph mail` do, which takes longer to import than to ask.
"""

from flows.findings import Finding
from flows.post.recipients import has_file, recipients
from flows.post.recipients_file import RecipientsError
from flows.settings import Settings

SHOWN = 5


def recipients_finding(settings: Settings) -> Finding:
    """One line of `odograph status`: how many are mailed, and who needs a person because mails do not reach them."""
    if not has_file(settings) and not settings.mailed_to:
        return Finding("recipients", nobody(settings))
    try:
        listed = recipients(settings)
    except RecipientsError as error:
        return Finding("recipients", f"{len(error.problems)} faults: run `odograph mail check`", needs_person=True)
    if not listed:
        return Finding("recipients", nobody(settings))
    counts = {state: sum(one.state == state for one in listed) for state in ("active", "unsubscribed", "bounced")}
    text = ", ".join(f"{count} {state}" for state, count in counts.items() if count or state == "active")
    lost = list(dict.fromkeys(one.key.address for one in listed if one.state == "bounced"))
    if lost:
        more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
        text += (
            f" ({', '.join(lost[:SHOWN])}{more}): correct the address, or `odograph mail subscribe` if it works again"
        )
    return Finding("recipients", text, needs_person=bool(lost))


def nobody(settings: Settings) -> str:
    """Say why nobody is mailed, and what helps."""
    if has_file(settings) or settings.mailed_to:
        return (
            "nobody: those there are get the reports of all tenants, and nothing is published; run `odograph refresh`"
        )
    return "nobody: set ODOGRAPH_MAIL_TO, or write recipients.toml (docs/mail.md)"
