"""How is a legal hold placed and released, and how does the warehouse learn of it?

The register is written first and alone, so a hold can be placed at any moment, also while a refresh runs. The warehouse
takes over what the register says whenever it is opened for work (`take_holds`); a warehouse that was lost takes it
over again.
"""

from collections.abc import Iterator
from datetime import date, datetime

import duckdb

from flows.querying import NothingPublished, open_published
from flows.settings import Settings
from ingest.register import Entry, append_entry, read_register, register_path
from warehouse.holds import Hold, replace_holds
from warehouse.subjects import Subject, is_told_of, nothing_known, vehicle_dates_of


class NotHeld(Exception):
    """Nothing is known of what a hold names: a typo would leave data to expire that is believed to be held."""


class NoSuchHold(Exception):
    """The register knows no hold of that id, or it is released already."""


def place_hold(
    settings: Settings,
    *,
    tenant: str,
    kind: str,
    subject: str,
    from_date: date | None,
    to_date: date | None,
    reason: str,
    by: str,
) -> str:
    """Keep everything about a vehicle or a driver from deletion; returns the id of the hold."""
    facts = {
        "tenant_id": tenant,
        "kind": kind,
        "subject_id": subject,
        "from_date": None if from_date is None else from_date.isoformat(),
        "to_date": None if to_date is None else to_date.isoformat(),
        "reason": reason,
    }
    return _hold_id(append_entry(register_path(settings.data_dir), "hold", facts, by=by))


def known_dates(settings: Settings, subject: Subject, *, even_if_unknown: bool) -> int:
    """How many vehicle-dates are known of what a hold is to name, by the published copy; raise NotHeld at none known.

    The copy is asked and not the warehouse, so that a hold never waits for a refresh.
    """
    hint = "nothing was held; --even-if-unknown holds what may come"
    try:
        with open_published(settings.published_path) as published:
            if not even_if_unknown and not is_told_of(published, subject):
                raise NotHeld(f"{nothing_known(published, subject)}; {hint}")
            return len(vehicle_dates_of(published, subject))
    except NothingPublished as nothing:
        if not even_if_unknown:
            raise NotHeld(f"{nothing}; {hint}") from nothing
        return 0


def release_hold(settings: Settings, hold_id: str, *, reason: str, by: str) -> None:
    """End a hold; what it covered may be deleted from now on. Raises NoSuchHold."""
    open_ids = [hold.hold_id for hold in registered_holds(settings) if hold.released_utc is None]
    if hold_id not in open_ids:
        raise NoSuchHold(f"no open hold {hold_id!r}; open: {', '.join(open_ids) or 'none'}")
    facts = {"hold_id": hold_id, "reason": reason}
    append_entry(register_path(settings.data_dir), "release", facts, by=by)


def registered_holds(settings: Settings) -> list[Hold]:
    """Every hold that was ever placed, in that order, with its release."""
    entries = read_register(register_path(settings.data_dir))
    releases = {entry.facts["hold_id"]: entry for entry in entries if entry.kind == "release"}
    return [_hold(entry, releases.get(_hold_id(entry))) for entry in entries if entry.kind == "hold"]


def take_holds(warehouse: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Make core.holds say what the register says."""
    replace_holds(warehouse, registered_holds(settings))


def listed_holds(settings: Settings) -> Iterator[str]:
    """One line for each hold, the open ones first."""
    holds = registered_holds(settings)
    for hold in sorted(holds, key=lambda hold: hold.released_utc is not None):
        period = f"{hold.from_date or 'the beginning'} to {hold.to_date or 'further notice'}"
        state = (
            f"open, placed by {hold.placed_by} on {hold.placed_utc:%Y-%m-%d}"
            if hold.released_utc is None
            else f"released by {hold.released_by} on {hold.released_utc:%Y-%m-%d}"
        )
        yield f"{hold.hold_id}  {hold.tenant_id}  {hold.kind} {hold.subject_id}  {period}  {state}: {hold.reason}"


def _hold(placed: Entry, release: Entry | None) -> Hold:
    facts = placed.facts
    return Hold(
        _hold_id(placed),
        facts["tenant_id"],
        facts["kind"],
        facts["subject_id"],
        _date(facts["from_date"]),
        _date(facts["to_date"]),
        facts["reason"],
        placed.by,
        _instant(placed.at_utc),
        None if release is None else release.by,
        None if release is None else _instant(release.at_utc),
    )


def _hold_id(placed: Entry) -> str:
    """The number of its line in the register: never given out twice."""
    return f"H{placed.number}"


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)
