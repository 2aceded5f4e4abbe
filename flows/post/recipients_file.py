"""What does the file of recipients say? It is TOML, one `[[recipient]]` for each, and `[defaults]` for what they share.

    [defaults]
    schedule = "06:00"                   # a time of day, or five cron fields; in the recipient's zone

    [[recipient]]
    address = "Owner <owner@northwind.example>"
    report = ["daily", "weekly"]
    tenant = "northwind"                 # one, a list, or "*" for all there are; reports about all need none

Everything that does not fit is named together, each with its line. Whom a report is for and whose it is are said of
each recipient and never by default. deploy/recipients.toml has every key.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from flows.post.recipient_values import (
    ALL,
    FORMATS,
    address,
    bare_address,
    formats,
    locale,
    schedule,
    send_empty,
    suggestion,
    tenants,
    texts,
    timezone,
    units,
)
from flows.report.kinds import Kind
from ingest.settings import SettingsError

NEVER_BY_DEFAULT = ("address", "tenant")
_HEADER = re.compile(r"\s*\[\[\s*recipient\s*\]\]")


class RecipientsError(SettingsError):
    """The file of recipients does not fit; `problems` holds one line for each fault."""

    heading = "Recipients do not fit:\n"


class Entry(NamedTuple):
    """One `[[recipient]]`. `tenants` is empty for all of them; what is None is decided by tenant and report."""

    line: int
    address: str
    reports: tuple[str, ...]
    tenants: tuple[str, ...]
    schedule: str | None
    timezone: str | None
    units: str | None
    locale: str | None
    formats: frozenset[str]
    send_empty: bool


def read_entries(path: Path, kinds: Mapping[str, Kind]) -> list[Entry]:
    """Read the file; raises RecipientsError with everything in it that does not fit."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors on Windows begin with a mark
        content = tomllib.loads(text)
    except OSError as error:
        raise RecipientsError([f"{path}: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise RecipientsError([f"{path}: not UTF-8"]) from error
    except tomllib.TOMLDecodeError as error:
        raise RecipientsError([f"{path}: not TOML: {error}"]) from error
    page = _Page(text.splitlines(), kinds)
    entries = page.entries(content)
    if page.problems:
        raise RecipientsError([f"{path}: {_at(*problem)}" for problem in sorted(page.problems)])
    return entries


class _Page:
    """The lines of the file, what is wrong with them so far, and where each recipient begins."""

    def __init__(self, lines: list[str], kinds: Mapping[str, Kind]) -> None:
        self.lines, self.kinds = lines, kinds
        self.problems: list[tuple[int, str]] = []
        self.checks: dict[str, Callable[[Any], Any]] = {
            "address": address,
            "report": self._reports,
            "tenant": tenants,
            "schedule": schedule,
            "timezone": timezone,
            "units": units,
            "locale": locale,
            "formats": formats,
            "send_empty": send_empty,
        }

    def entries(self, content: dict[str, Any]) -> list[Entry]:
        """Return what fits, and note what does not."""
        for name in content.keys() - {"defaults", "recipient"}:
            self._wrong(self._line_of(name, 0), f"unknown {name}{suggestion(name, ['defaults', 'recipient'])}")
        defaults, tables = content.get("defaults", {}), content.get("recipient", [])
        if not isinstance(defaults, dict):
            self._wrong(self._line_of("defaults", 0), "defaults is a table: write [defaults]")
            defaults = {}
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._wrong(self._line_of("recipient", 0), "write [[recipient]] for each, with two brackets")
            return []
        starts = [number for number, line in enumerate(self.lines, 1) if _HEADER.match(line)]
        if len(starts) != len(tables):  # headers in a text of several lines, or tables in one line
            starts = [0] * len(tables)
        shared = self._defaults(defaults)
        found = [self._entry(table, shared, line) for table, line in zip(tables, starts, strict=True)]
        self._repeats([entry for entry in found if entry is not None])
        return [entry for entry in found if entry is not None]

    def _defaults(self, table: dict[str, Any]) -> dict[str, Any]:
        line = self._line_of("defaults", 0)
        for name in NEVER_BY_DEFAULT:
            if name in table:
                self._wrong(self._line_of(name, line), f"{name} is said of each recipient, never by default")
        return self._checked({name: value for name, value in table.items() if name not in NEVER_BY_DEFAULT}, line)

    def _entry(self, table: dict[str, Any], shared: dict[str, Any], line: int) -> Entry | None:
        before = len(self.problems)
        said = shared | self._checked(table, line)
        # What was said and does not fit is one fault, not also one for being missing.
        missing = [name for name in ("address", "report") if name not in said and name not in table]
        self.problems += [(line, f"{name} is missing") for name in missing]
        if "report" in said:
            self._whose(said, table, line)
        if len(self.problems) > before:
            return None
        return Entry(
            line, said["address"], said["report"], said.get("tenant", ()), said.get("schedule"), said.get("timezone"),
            said.get("units"), said.get("locale"), said.get("formats", frozenset(FORMATS)),
            said.get("send_empty", True),
        )  # fmt: skip

    def _whose(self, said: dict[str, Any], table: dict[str, Any], line: int) -> None:
        """A report of tenants names them; one about all of them names none."""
        audiences = {self.kinds[report].audience: report for report in said["report"]}
        if "tenant" in audiences and "tenant" not in table:
            self._wrong(line, f'{audiences["tenant"]} needs a tenant: name it, or write "{ALL}" for all of them')
        if "network" in audiences and said.get("tenant"):
            where = self._line_of("tenant", line)
            self._wrong(where, f'{audiences["network"]} is about all tenants: leave tenant out, or write "{ALL}"')

    def _checked(self, table: dict[str, Any], line: int) -> dict[str, Any]:
        """Return the values that fit."""
        said = {}
        for name, value in table.items():
            where = self._line_of(name, line)
            if name not in self.checks:
                self._wrong(where, f"unknown {name}{suggestion(name, list(self.checks))}")
                continue
            try:
                said[name] = self.checks[name](value)
            except ValueError as error:
                self._wrong(where, f"{name}: {error}")
        return said

    def _reports(self, value: Any) -> tuple[str, ...]:
        names, known = texts(value), list(self.kinds)
        for name in names:
            if name not in known:
                raise ValueError(f"no report {name!r}{suggestion(name, known)}; there are {', '.join(known)}")
        return names

    def _repeats(self, entries: list[Entry]) -> None:
        """Nobody is listed twice for one report of one tenant: which of the two would hold?"""
        first: dict[tuple[str, str, str], int] = {}
        for entry in entries:
            for report in entry.reports:
                for tenant in entry.tenants or ("",):
                    key = bare_address(entry.address), report, tenant
                    if key in first:
                        of = f" of {tenant}" if tenant else ""
                        self._wrong(entry.line, f"{key[0]} gets {report}{of} by line {first[key]} already")
                    first.setdefault(key, entry.line)

    def _wrong(self, line: int, text: str) -> None:
        self.problems.append((line, text))

    def _line_of(self, name: str, start: int) -> int:
        """Return the line on which a key or table is, from line `start` of its recipient on; `start` where it hides."""
        sought = re.compile(rf"\s*(\[+\s*)?[\"']?{re.escape(name)}[\"']?\s*[\]=]")
        for number in range(start + 1, len(self.lines) + 1):
            if sought.match(self.lines[number - 1]):
                return number
            if start and self.lines[number - 1].lstrip().startswith("["):
                break
        return start


def _at(line: int, text: str) -> str:
    return f"line {line}: {text}" if line else text
