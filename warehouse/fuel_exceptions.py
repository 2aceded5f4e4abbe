"""Which purchases are worth a question, and what became of each question?

Rules are selects over what is known of purchases; all of them are asked each time, so that late positions, later
versions and new thresholds raise and close flags by themselves. `core.fuel_flag_history` notes what changed and why.
Nothing here depends on when something arrived but that history.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files

import duckdb
import polars as pl

from warehouse.connection import sql, transaction
from warehouse.fuel_rules import Rule, listed_rules, replace_rules


def evaluate_rules(
    connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule] | None = None, now: datetime | None = None
) -> None:
    """Replace `marts.fuel_exceptions`, and note in the history which flags came, changed and went, and why.

    Needs core.fuel_lines, core.fuel_presence, marts.fuel_purchases, marts.fuel_intervals and marts.fuel_balances.
    """
    rules = listed_rules() if rules is None else rules
    at_utc = (now or datetime.now(UTC)).replace(tzinfo=None)
    with transaction(connection):
        replace_rules(connection, rules)
        if not _is_asked(connection):
            connection.execute("delete from marts.fuel_exceptions")
            return
        _prepare(connection)
        for rule in rules:
            _ask(connection, rule)
        thresholds = json.dumps({rule.rule_id: rule.values for rule in rules})
        connection.execute(f"create or replace temp table fuel_basis as {sql('fuel_flags/basis.sql')}")
        connection.execute(
            f"create or replace temp table fuel_flags as {sql('fuel_flags/flags.sql')}", {"thresholds": thresholds}
        )
        connection.execute(
            f"insert into core.fuel_flag_history by name {sql('fuel_flags/history.sql')}", {"now": at_utc}
        )
        connection.execute("delete from marts.fuel_exceptions")
        connection.execute(
            f"insert into marts.fuel_exceptions by name {sql('fuel_flags/exceptions.sql')}", {"now": at_utc}
        )


def _is_asked(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a flag can come or go: each is about a line, or was; a fleet without fuel cards has neither."""
    return bool(
        connection.execute("select exists (from core.fuel_lines) or exists (from core.fuel_flag_history)").fetchall()[
            0
        ][0]
    )


def rule_select(rule_id: str) -> str:
    """The select of a rule: a file of `sql/fuel_rules/`."""
    return sql(f"fuel_rules/f{int(rule_id[1:]):02}.sql")


def _prepare(connection: duckdb.DuckDBPyConnection) -> None:
    price_regions = pl.read_csv(str(files("warehouse") / "price_regions.csv"))
    assert price_regions.height == 51
    connection.execute(sql("fuel_rules/words.sql"))
    connection.execute(f"create or replace temp table fuel_price_regions as {sql('fuel_rules/regions.sql')}")
    connection.execute(f"create or replace temp table fuel_cases as {sql('fuel_rules/cases.sql')}")
    connection.execute(sql("fuel_flags/found.sql"))


def _ask(connection: duckdb.DuckDBPyConnection, rule: Rule) -> None:
    connection.execute(
        "insert into fuel_found by name select * replace (to_json(evidence) as evidence), $rule_id as rule_id"
        f" from ({rule_select(rule.rule_id)})",
        {"rule_id": rule.rule_id, **rule.values},
    )
