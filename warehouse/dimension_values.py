"""How does the text of a field become a value? A parser says in a few words what it expected."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import available_timezones

from warehouse.tenancy import is_file_name

WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
# What the status of a van is called, by the word we keep: the first is available, the last is off the books.
STATUSES = {
    "active": ("available", "in service", "in use", "operational"),
    "workshop": ("maintenance", "in maintenance", "service", "repair", "in repair", "in workshop", "shop", "in shop"),
    "out_of_service": ("broken", "broken down", "down", "off road", "stored", "in storage"),
    "sold": ("scrapped", "retired", "decommissioned", "disposed", "returned"),
}
# 13 to 19 digits, perhaps in groups; the check digit tells card numbers from others. Digits of a fraction are none.
_CARD = re.compile(r"(?<![0-9])(?<![0-9][.,])[0-9](?:[ ._/-]?[0-9]){12,18}(?![0-9])")


def number(low: float, high: float) -> Callable[[str], float]:
    """Parse a number from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError as error:
            raise ValueError("expected a number") from error
        if not low <= value <= high:
            raise ValueError(f"expected {low:g} to {high:g}")
        return value

    return parse


def amount(text: str) -> Decimal:
    """Parse an amount of money, exactly."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError("expected a number") from error
    if not value.is_finite() or not 0 <= value < 1_000_000:
        raise ValueError("expected 0 to 1000000")
    return value


def count(text: str) -> int:
    """Parse a whole number."""
    value = int(text)
    if not 0 <= value <= 1_000_000:
        raise ValueError("expected 0 to 1000000")
    return value


def day(text: str) -> date:
    """Parse a date."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError("expected a date such as 2026-02-26") from error


def instant(text: str) -> datetime:
    """Parse an instant to UTC without a zone; one without an offset is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("expected an instant such as 2026-02-26T09:20:00-05:00") from error
    if not 1900 < moment.year < 9999:
        raise ValueError("expected a year from 1901 to 9998; leave it empty for ever")
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def zone(text: str) -> str:
    """Parse the IANA name of a time zone."""
    if text not in available_timezones() - {"localtime"}:
        raise ValueError("expected an IANA time zone such as America/New_York")
    return text


def one_of(*names: str) -> Callable[[str], str]:
    """Parse one of these words."""

    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"expected one of {', '.join(names)}")
        return text

    return parse


def vehicle_status(text: str) -> str:
    """Parse what is said of a van to the word we keep; spaces, dashes and underscores are the same."""
    said = " ".join(re.split("[ _-]+", text.lower()))
    for status, synonyms in STATUSES.items():
        if said in (status.replace("_", " "), *synonyms):
            return status
    raise ValueError(f"expected {status_words()}")


def status_words() -> str:
    """The words for the status of a van, with their synonyms."""
    return "; ".join(f"{status} (or {', '.join(synonyms)})" for status, synonyms in STATUSES.items())


def weekday(text: str) -> str:
    """Parse the English name of a weekday."""
    if text.lower() not in WEEKDAYS:
        raise ValueError(f"expected one of {', '.join(WEEKDAYS)}")
    return text.lower()


def currency(text: str) -> str:
    """Parse the ISO 4217 code of a currency."""
    if not re.fullmatch("[A-Za-z]{3}", text):
        raise ValueError("expected three letters such as USD (ISO 4217)")
    return text.upper()


def locale(text: str) -> str:
    """Parse a locale; `de_DE` is `de-DE`."""
    tag = text.replace("_", "-")
    if not re.fullmatch("[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?", tag):
        raise ValueError("expected a language and a country such as en-US")
    return tag


def last4(text: str) -> str:
    """Parse the last four digits of a card."""
    if not re.fullmatch("[0-9]{4}", text):
        raise ValueError("expected four digits")
    return text


def tenant(text: str) -> str:
    """Parse a tenant's name, which is a level of topics and the name of a file."""
    if not is_file_name(text):
        raise ValueError("expected letters, digits, dots, dashes and underscores, a letter or digit first, 128 at most")
    return text


def plain(text: str) -> str:
    """Take the text as it is; a whole card number is not taken, nor a text with one."""
    if hidden(text) != text:
        raise ValueError("looks like a whole card number, which is not kept: give the provider's id of the card")
    return text


def van(text: str) -> str:
    """Parse a van's id, which may be the 15 digits of its tracker: an IMEI passes the check of card numbers as well."""
    return text if re.fullmatch("(?!3[47])[0-9]{15}", text) else plain(text)


def hidden(text: str) -> str:
    """The text with all but the last four digits of each whole card number in it as stars."""
    return _CARD.sub(lambda found: _starred(found[0]) if _passes_luhn(found[0]) else found[0], text)


def _passes_luhn(text: str) -> bool:
    digits = [int(sign) for sign in text if sign.isdecimal()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def _starred(text: str) -> str:
    return re.sub("[0-9](?=(?:[^0-9]*[0-9]){4})", "*", text)


def as_it_is(text: str) -> str:
    """Take the text as it is, whatever it looks like: numbers that others give to devices, places and routes."""
    return text
