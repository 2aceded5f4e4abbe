"""What may each key of a recipient hold? What does not fit raises ValueError with what was expected."""

import re
from collections.abc import Iterable
from datetime import time
from difflib import get_close_matches
from email.utils import getaddresses
from typing import Any

from flows.post.schedules import cron_of
from flows.report.style import Style, UnknownLocale
from ingest.settings import is_known_zone

ALL = "*"
FORMATS = ("html", "text", "xlsx", "csv")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def bare_address(text: str) -> str:
    """Return `name@host` of an address, small letters, as it is in keys; raises ValueError where it is no address."""
    found = getaddresses([text])
    local, at, domain = found[0][1].strip().rpartition("@") if len(found) == 1 else ("", "", "")
    # A line break in an address would be a header of somebody else's choosing.
    if not (local and at and domain) or re.search(r"[\s,;<>\x00-\x1f]", local + domain) or re.search(r"[\r\n]", text):
        raise ValueError(f"expected one e-mail address, got {text!r}")
    return f"{local}@{domain}".lower()


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` where something known is spelled like it, else nothing."""
    near = get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""


def texts(value: Any) -> tuple[str, ...]:
    """Return a text or a list of them, each once."""
    found = value if isinstance(value, list) else [value]
    if not found or not all(isinstance(text, str) and text for text in found):
        raise ValueError(f"expected a text or a list of them, got {value!r}")
    return tuple(dict.fromkeys(found))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a text, got {value!r}")
    return value


def address(value: Any) -> str:
    """Return an e-mail address as it is written."""
    bare_address(_text(value))
    return str(value)


def tenants(value: Any) -> tuple[str, ...]:
    """Return the names of tenants; none for all of them."""
    names = texts(value)
    if ALL in names:
        if len(names) > 1:
            raise ValueError(f'"{ALL}" is all tenants and stands alone')
        return ()
    for name in names:
        if not _TENANT.fullmatch(name):
            raise ValueError(f"{name!r} is no tenant: letters, digits, dots, dashes and underscores")
    return names


def schedule(value: Any) -> str:
    """Return a schedule; TOML has times of day of its own."""
    if isinstance(value, time) and value.second == value.microsecond == 0:
        return f"{value:%H:%M}"
    cron_of(_text(value), "0 6 * * *")
    return str(value)


def timezone(value: Any) -> str:
    """Return the name of a time zone."""
    if not is_known_zone(_text(value)):
        raise ValueError(f"no time zone {value!r}; use one such as America/New_York")
    return str(value)


def units(value: Any) -> str:
    """Return us or metric."""
    if value not in ("us", "metric"):
        raise ValueError(f"expected us or metric, got {value!r}")
    return str(value)


def locale(value: Any) -> str:
    """Return a locale, `de_DE` for `de-DE`."""
    name = _text(value).replace("-", "_")
    try:
        return Style(locale=name).checked().locale
    except UnknownLocale as error:
        raise ValueError(str(error)) from error


def formats(value: Any) -> frozenset[str]:
    """Return the parts and attachments of a mail; there is always a text."""
    names = texts(value)
    for name in names:
        if name not in FORMATS:
            raise ValueError(f"no format {name!r}{suggestion(name, FORMATS)}; there are {', '.join(FORMATS)}")
    if not {"html", "text"} & {*names}:
        raise ValueError("a mail says something itself: add html or text")
    # A mail program that shows no HTML shows the text, and mail without one is taken for spam.
    return frozenset({*names, "text"})


def send_empty(value: Any) -> bool:
    """Return whether to say that there is nothing to say."""
    known = {"yes": True, "no": False, True: True, False: False}
    if not isinstance(value, bool | str) or value not in known:
        raise ValueError(f"expected true or false, got {value!r}")
    return known[value]
