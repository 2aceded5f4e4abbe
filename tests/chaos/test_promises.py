"""Every check of a promise says held of what is right, and broken of what was doctored."""

from collections import Counter
from datetime import UTC, date, datetime

import polars as pl
import pytest

from flows.chaos import promises
from flows.chaos.mails import Mails, unanswered
from flows.chaos.promises import Seen, Sent, Stored, Traced
from flows.chaos.truth import PURCHASES, silence_count, time_in_states
from flows.post.outbox import About, Entry

MINUTE_US = 60_000_000
NOON_US = int(datetime(2026, 11, 2, 17, tzinfo=UTC).timestamp() * 1e6)
DAY = date(2026, 11, 2)
KEY = {"tenant_id": "acme", "device_id": "van-0"}
POINTS = pl.DataFrame(
    [
        KEY | {"seq": seq, "fix_us": NOON_US + after_us, "state": state}
        for seq, (after_us, state) in enumerate(
            [
                (0, "drive"),
                (MINUTE_US, "drive"),
                (11 * MINUTE_US, "idle"),
                (12 * MINUTE_US, "off"),
                (90 * MINUTE_US, "off"),
            ]
        )
    ]
)
BOUGHT = pl.DataFrame([("acme", "T0")], schema=PURCHASES, orient="row")
SENT = Sent(POINTS, BOUGHT, messages=3, confirmed=3, trespasses=2)
STORED = Stored(
    POINTS.select("tenant_id", "device_id", "seq", pl.lit(1).alias("rows")),
    BOUGHT.with_columns(pl.lit(1).alias("rows")),
    kept=4,
)
LEDGER = pl.DataFrame(
    [
        {"tenant_id": "acme", "vehicle_id": "van-0", "service_date": DAY, "state": state, "spent_us": spent_us}
        for state, spent_us in {
            "drive": MINUTE_US,
            "unknown": 10 * MINUTE_US,
            "idle": MINUTE_US,
            "off": 78 * MINUTE_US,
        }.items()
    ]
)
DAYS = pl.DataFrame(
    [
        {
            "tenant_id": "acme",
            "vehicle_id": "van-0",
            "service_date": DAY,
            "span_us": 90 * MINUTE_US,
            "ledger_us": 90 * MINUTE_US,
            "overlap_count": 0,
        }
    ]
)
SEEN = Seen(opens=9, queries=60, longest_open_s=0.4, generations=3, refreshes=2, errors=[])
TRACED = Traced(numbers=5, differing=[], vehicle_dates=1, without_load=[], segments=2, missing=[])


def entry(key: str, recipient: str, state: str = "sent", correction: int = 0) -> Entry:
    about = About("daily", "acme", DAY, DAY, f"<{key}@line.example>", correction)
    return Entry(key, state, recipient, about=about)


MAILS = Mails(
    wished=frozenset({("acme", DAY, "one@a"), ("acme", DAY, "two@a")}),
    entries=[entry("k1", "one@a"), entry("k2", "two@a"), entry("k3", "one@a", correction=1)],
    accepted=Counter({"k1": 1, "k2": 2, "k3": 1}),
    in_window=frozenset({"k2"}),
    subjects={"k1": "Daily", "k2": "Daily", "k3": "Corrected: Daily"},
    faults={"421 at RCPT": 3},
)


def without(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.head(frame.height - 1)


def doubled(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.when(pl.int_range(pl.len()) == 0).then(2).otherwise("rows").alias("rows"))


NO_OTHERS = {"replayed": [], "rebuilt": []}


def test_a_line_that_kept_everything_keeps_every_promise():
    findings = [
        promises.nothing_lost(SENT, STORED),
        promises.nothing_twice(SENT, STORED, NO_OTHERS),
        promises.order_free(3, 9, NO_OTHERS),
        promises.seconds_once(DAYS, []),
        promises.silence_unknown(time_in_states(POINTS), LEDGER, silence_count(POINTS)),
        promises.readers_served(SEEN),
        promises.numbers_traced(TRACED),
        promises.mails_once(MAILS),
        promises.tenants_apart(2, 0, {"acme": (9, 0), "birch": (8, 0)}),
        promises.memory_bounded({"collector": 90 * 1024, "refresh": 900 * 1024}),
    ]
    assert [(finding.promise, finding.verdict, finding.broken) for finding in findings] == [
        (f"P{number}", "held", ()) for number in range(1, 11)
    ]
    assert promises.TITLES.keys() == {finding.promise for finding in findings}


@pytest.mark.parametrize(
    ("sent", "stored", "said"),
    [
        (SENT, STORED._replace(points=without(STORED.points)), "1 points lost: acme van-0 4"),
        (SENT, STORED._replace(purchases=without(STORED.purchases)), "1 purchases lost: acme T0"),
        (SENT._replace(confirmed=2), STORED, "1 messages without a receipt in the end"),
    ],
)
def test_a_lost_message_breaks_p1(sent, stored, said):
    assert promises.nothing_lost(sent, stored).broken == (said,)


@pytest.mark.parametrize(
    ("stored", "others", "said"),
    [
        (STORED._replace(points=doubled(STORED.points)), NO_OTHERS, "1 points more than once: acme van-0 0 2"),
        (STORED._replace(purchases=doubled(STORED.purchases)), NO_OTHERS, "1 purchases more than once: acme T0 2"),
        (STORED, {"replayed": ["core.ledger"]}, "replayed: other rows in core.ledger"),
    ],
)
def test_a_doubled_row_breaks_p2(stored, others, said):
    assert promises.nothing_twice(SENT, stored, others).broken == (said,)


def test_another_table_breaks_p3():
    assert promises.order_free(3, 9, {"shuffled": ["marts.stops"]}).broken == ("shuffled: other rows in marts.stops",)


@pytest.mark.parametrize(
    "doctored",
    [
        DAYS.with_columns(ledger_us=pl.col("ledger_us") - 1),
        DAYS.with_columns(overlap_count=1),
        DAYS.clear(),
    ],
)
def test_a_microsecond_that_is_missing_or_counted_twice_breaks_p4(doctored):
    assert len(promises.seconds_once(doctored, []).broken) == 1


def test_a_check_that_found_rows_breaks_p4():
    assert promises.seconds_once(DAYS, ["acme 2026-11-02 time_adds_up 3"]).broken


def test_silence_that_counts_as_idle_breaks_p5():
    moved = LEDGER.with_columns(
        spent_us=pl.when(pl.col("state") == "idle")
        .then(11 * MINUTE_US)
        .when(pl.col("state") == "unknown")
        .then(0)
        .otherwise("spent_us")
    )
    (broken,) = promises.silence_unknown(time_in_states(POINTS), moved, 1).broken
    assert broken.startswith(
        "2 states with another time than was driven: acme van-0 2026-11-02 idle 60000000 660000000"
    )


def test_a_state_that_nobody_drove_breaks_p5():
    parked = LEDGER.with_columns(state=pl.col("state").replace("unknown", "parked"))
    assert promises.silence_unknown(time_in_states(POINTS), parked, 1).broken


def test_a_campaign_without_silence_shows_nothing_of_p5():
    assert promises.silence_unknown(LEDGER, LEDGER, 0).verdict == "BROKEN"


@pytest.mark.parametrize(
    "doctored",
    [
        SEEN._replace(errors=["odograph.duckdb: 2 generations in one copy"]),
        SEEN._replace(longest_open_s=31.0),
        SEEN._replace(opens=0),
        SEEN._replace(refreshes=0),
    ],
)
def test_a_reader_who_waits_or_sees_half_a_copy_or_stops_a_refresh_breaks_p6(doctored):
    assert len(promises.readers_served(doctored).broken) == 1


@pytest.mark.parametrize(
    "doctored",
    [
        TRACED._replace(differing=["vehicle_days.idle_s of acme van-0"]),
        TRACED._replace(without_load=["acme van-0 2026-11-02"]),
        TRACED._replace(missing=["s/7"]),
        TRACED._replace(numbers=0),
    ],
)
def test_a_number_without_a_source_breaks_p7(doctored):
    assert len(promises.numbers_traced(doctored).broken) == 1


@pytest.mark.parametrize(
    ("doctored", "said"),
    [
        (MAILS._replace(accepted=Counter({"k2": 1, "k3": 1})), "never arrived: acme 2026-11-02 to one@a"),
        (MAILS._replace(accepted=Counter({"k1": 1, "k2": 1})), "noted as sent, and the server never had it: k3"),
        (MAILS._replace(accepted=MAILS.accepted + Counter({"k1": 1})), "arrived 2 times: k1"),
        (MAILS._replace(accepted=MAILS.accepted + Counter({"k9": 1})), "arrived, and the outbox does not know it: k9"),
        (MAILS._replace(subjects={"k3": "Daily"}), "a correction that does not say so: k3"),
    ],
)
def test_a_mail_that_is_lost_or_sent_twice_breaks_p8(doctored, said):
    assert said in promises.mails_once(doctored).broken


def test_only_a_mail_whose_answer_was_not_noted_may_come_twice():
    lines = [
        '{"key":"a","state":"intent"}',
        '{"key":"a","state":"sent"}',
        '{"key":"b","state":"intent"}',
        '{"key":"b","sta',
        '{"key":"b","state":"intent"}',
        '{"key":"b","state":"sent"}',
        '{"key":"c","state":"intent"}',
        '{"key":"c","state":"waiting"}',
        '{"key":"d","state":"intent"}',
        '{"key":"d","state":"unknown"}',
        '{"key":"e","state":"intent"}',
    ]
    assert unanswered(lines) == {"b", "d", "e"}


@pytest.mark.parametrize(
    ("trespassed", "foreign"),
    [(1, {"acme": (9, 0)}), (0, {"acme": (9, 1)}), (0, {"acme": (0, 0)}), (0, {})],
)
def test_a_row_of_somebody_else_breaks_p9(trespassed, foreign):
    assert len(promises.tenants_apart(2, trespassed, foreign).broken) == 1


def test_too_much_memory_or_a_process_nobody_looked_at_breaks_p10():
    (broken,) = promises.memory_bounded({"collector": 2_000_000, "refresh": 1024}).broken
    assert broken == "a collector took 1,953 MiB, at most 400 are its own"
    assert promises.memory_bounded({"collector": 1024}).broken == ("nobody looked at a refresh",)


def test_what_was_not_run_is_not_said_to_hold():
    assert [promises.readers_served(None).verdict, promises.mails_once(None).verdict] == ["not asked"] * 2


def test_the_truth_ends_a_service_date_at_four_in_the_morning():
    four_us = int(datetime(2026, 11, 3, 9, tzinfo=UTC).timestamp() * 1e6)  # 4 h in New York
    points = pl.DataFrame(
        [KEY | {"seq": n, "fix_us": four_us + after_us, "state": "drive"} for n, after_us in enumerate((-2, -1, 0, 5))]
    )
    spent = time_in_states(points).sort("service_date").select("service_date", "spent_us").rows()
    assert spent == [(date(2026, 11, 2), 1), (date(2026, 11, 3), 5)]
