"""Which columns do the tables of the lake have, in which units, and how are they stored?

Positions are whole numbers (milliseconds, 1e-7 degrees, 0.01 km/h), sorted by vehicle tracker and fix time,
so that delta encoding keeps a row small; the views of the warehouse give people degrees and km/h back.
Rows are kept as decoded, repeats included. Which van and which service date a row belongs to is not here:
assignments and plans may arrive later, so that is resolved when tables are read.
"""

from typing import NamedTuple

import pyarrow as pa

SEGMENT_COLUMNS = [
    ("spool_id", pa.string()),  # the spool the message came through
    ("segment_no", pa.int64()),  # its segment in that spool
    ("payload_hash", pa.int64()),  # first eight bytes of BLAKE2b over the payload as received
    ("received_us", pa.int64()),  # when the collector took it, Unix microseconds
]


# Raised whenever a message gives other rows than before: those of earlier ones are then made anew from the spool, and
# core from them (`ingest.decoded_again`, and the first lines of warehouse/sql/schema.sql).
DECODER = 1


class LakeTable(NamedTuple):
    """One Delta table: its columns, the column it is partitioned by, and the order of rows within files.

    A column that is new in a later version never stands last: that tells it from one added to an older table.
    """

    name: str
    schema: pa.Schema
    partition_by: str
    sort_by: tuple[str, ...]
    delta_encoded: tuple[str, ...]


POSITIONS = LakeTable(
    "positions",
    pa.schema(
        [
            ("tenant_id", pa.string()),
            ("device_id", pa.string()),
            ("fix_ms", pa.int64()),  # when the position was measured, Unix milliseconds
            ("fix_date", pa.date32()),  # UTC date of the fix
            ("latitude_e7", pa.int32()),  # 1e-7 degrees; null where the device said it had no fix
            ("longitude_e7", pa.int32()),
            ("speed_ckmh", pa.int16()),  # 0.01 km/h
            ("heading_ddeg", pa.int16()),  # 0.1 degree clockwise from north
            ("altitude_dm", pa.int32()),  # 0.1 m
            ("ignition", pa.bool_()),
            ("pto", pa.bool_()),  # power take-off at work
            ("rpm", pa.int16()),
            ("odometer_m", pa.int64()),
            ("fuel_cpct", pa.int16()),  # 0.01 % of the tank
            ("fuel_ml", pa.int32()),  # fuel in the tank, millilitres
            ("fuel_used_ml", pa.int64()),  # cumulative counter, millilitres
            ("battery_mv", pa.int32()),  # supply voltage of the vehicle
            ("charge_cpct", pa.int16()),  # traction battery, 0.01 %
            ("energy_out_wh", pa.int64()),  # cumulative counter, watt hours
            ("charging", pa.bool_()),
            ("hdop_c", pa.int16()),  # 0.01
            ("satellites", pa.int16()),
            ("accuracy_dm", pa.int32()),  # 0.1 m
            ("boot", pa.int64()),  # counts the reboots of the device; scopes seq
            ("seq", pa.int64()),
            ("backlog", pa.bool_()),  # sent after a dead zone
            ("route_id", pa.string()),  # as the message said it
            ("quality", pa.string()),  # good, low (Q2) or no_fix
            (
                "flags",
                pa.string(),
            ),  # what decoding changed or refused, comma separated, sorted; empty: nothing
            ("extra", pa.string()),  # keys we do not know, as JSON
            ("source_format", pa.string()),
            ("point_index", pa.int16()),  # place in its message
            *SEGMENT_COLUMNS,
        ]
    ),
    "fix_date",
    ("tenant_id", "device_id", "fix_ms"),
    (
        *("fix_ms", "latitude_e7", "longitude_e7", "heading_ddeg", "altitude_dm", "odometer_m", "fuel_used_ml"),
        *("seq", "received_us", "segment_no", "point_index"),
    ),
)

EVENTS = LakeTable(
    "events",
    pa.schema(
        [
            ("tenant_id", pa.string()),
            ("device_id", pa.string()),
            ("event_us", pa.int64()),  # when it happened; of a last will, when the broker sent it
            ("event_date", pa.date32()),  # UTC date of event_us
            ("type", pa.string()),  # ignition_on, harsh_brake, online, offline, status, ...
            ("value", pa.float64()),
            ("unit", pa.string()),
            ("threshold", pa.float64()),
            ("latitude_e7", pa.int32()),
            ("longitude_e7", pa.int32()),
            ("boot", pa.int64()),
            ("seq", pa.int64()),
            ("retained", pa.bool_()),
            ("extra", pa.string()),  # other keys, as JSON
            *SEGMENT_COLUMNS,
        ]
    ),
    "event_date",
    ("tenant_id", "device_id", "event_us"),
    ("event_us", "received_us"),
)

MONEY = pa.decimal128(18, 6)
PURCHASES = LakeTable(
    "purchases",
    pa.schema(
        [
            ("tenant_id", pa.string()),
            ("provider", pa.string()),
            ("provider_txn_id", pa.string()),
            ("item_no", pa.int32()),
            ("event_type", pa.string()),  # auth, auth_reversal, decline, clear, post, adjust
            ("seq", pa.string()),  # the provider's own order of versions
            ("card_id", pa.string()),
            ("card_last4", pa.string()),
            ("vehicle_ref", pa.string()),
            ("driver_ref", pa.string()),
            ("purchased_us", pa.int64()),  # Unix microseconds UTC; null where only a date is known
            ("ts_local", pa.string()),
            ("tz", pa.string()),
            ("ts_quality", pa.string()),
            ("posted_date", pa.date32()),
            ("site_id", pa.string()),
            ("site_name", pa.string()),
            ("address", pa.string()),
            ("city", pa.string()),
            ("state", pa.string()),
            ("postcode", pa.string()),
            ("site_latitude", pa.float64()),
            ("site_longitude", pa.float64()),
            ("geo_quality", pa.string()),
            ("code_set", pa.string()),
            ("product_code", pa.string()),
            ("product_raw", pa.string()),
            ("product", pa.string()),
            ("quantity", MONEY),
            ("unit", pa.string()),
            ("unit_price", MONEY),
            ("gross", MONEY),
            ("discount", MONEY),
            ("tax", MONEY),
            ("exempt_tax", MONEY),
            ("fees", MONEY),
            ("net", MONEY),
            ("currency", pa.string()),
            ("odometer_typed", pa.int64()),
            ("odometer_unit", pa.string()),
            ("service_type", pa.string()),
            ("auth_code", pa.string()),
            ("batch_id", pa.string()),
            ("source_file", pa.string()),
            ("source_row", pa.int64()),
            ("received_date", pa.date32()),
            ("extra", pa.string()),
            ("provider_tz", pa.string()),  # zone of the provider's local times where nothing better is known
            ("product_family", pa.string()),  # gasoline, diesel, ..., other; null: no fuel, or not known
            ("is_fuel", pa.bool_()),  # whether the product is a motor fuel; null: not known
            ("flags", pa.string()),  # what is odd about the line, comma separated, sorted; empty: nothing
            ("content_hash", pa.int64()),  # of what was sent but file, row and batch: equal for a repeat
            *SEGMENT_COLUMNS,
        ]
    ),
    "received_date",
    ("tenant_id", "provider", "provider_txn_id"),
    ("received_us",),
)

PLANS = LakeTable(
    "plans",
    pa.schema(
        [
            ("tenant_id", pa.string()),
            ("depot_id", pa.string()),
            ("service_date", pa.date32()),
            ("issued_us", pa.int64()),  # the greatest wins; null counts as the oldest
            ("route_id", pa.string()),
            ("vehicle_id", pa.string()),
            ("driver_id", pa.string()),
            ("role", pa.string()),  # primary or rescue
            ("planned_exit_us", pa.int64()),
            ("planned_return_us", pa.int64()),
            ("planned_stop_count", pa.int32()),
            ("planned_package_count", pa.int32()),
            ("stops", pa.string()),  # JSON list of {seq, lat, lon, planned_service_s, packages}
            ("extra", pa.string()),
            ("received_date", pa.date32()),
            *SEGMENT_COLUMNS,
        ]
    ),
    "received_date",
    ("tenant_id", "service_date", "route_id"),
    ("received_us",),
)

REJECTS = LakeTable(
    "rejects",
    pa.schema(
        [
            ("tenant_id", pa.string()),  # null where the topic gives none
            ("device_id", pa.string()),
            ("topic", pa.string()),
            ("kind", pa.string()),  # reject or quarantine
            ("reason", pa.string()),
            ("rule_id", pa.string()),  # Q1-Q12 where a rule of that name decided
            ("point_index", pa.int32()),  # null: the whole message
            ("payload", pa.binary()),  # at most the first 64 KiB; card numbers masked
            ("payload_size", pa.int64()),  # bytes as received
            ("received_date", pa.date32()),
            *SEGMENT_COLUMNS,
        ]
    ),
    "received_date",
    ("tenant_id", "device_id", "received_us"),
    ("received_us",),
)

LAKE_TABLES = (POSITIONS, EVENTS, PURCHASES, PLANS, REJECTS)


def decoder_note(spool_id: str) -> str:
    """Under which name a table notes by which decoder the rows of a spool were made."""
    return f"{spool_id}/decoder"
