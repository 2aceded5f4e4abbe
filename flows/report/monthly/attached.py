"""What is attached for those who want to calculate: every route, van and station of the month, as numbers."""

from collections.abc import Callable
from typing import Any

from flows.report.monthly.measures import gated, lacks_ignition, scaled
from flows.report.monthly.rows import MonthlyData
from flows.report.spreadsheet import ONE, SHARE, TWO, WHOLE, Field, Table, csv_of, workbook_of
from flows.report.style import Style


def files(data: MonthlyData, style: Style) -> dict[str, bytes]:
    """Return the attachments by file name: each table as CSV, and all in a workbook that says what columns mean."""
    tables = [_routes(data, style), _vans(data, style), *([_stations(data, style)] if data.stations else [])]
    return {
        **{f"{table.title.lower()}-{data.period.key}.csv": csv_of(table) for table in tables},
        f"monthly-{data.period.key}.xlsx": workbook_of(tables, data.period.first),
    }


def _routes(data: MonthlyData, style: Style) -> Table:
    make = _Fields(data, style, has_engine=lambda row: not lacks_ignition(data.month))
    fields = [
        make.month(), make.text("route_id"), make.count("days", "route_day_count"),
        make.count("days_priced", "costed_count", ""),
        Field("vehicles", "", "", "", lambda row: " ".join(row.vehicle_ids)),
        make.distance(), make.count("stops_seen", "stop_count"), make.count("stops_counted", "counted_stop_count"),
        make.ratio("stops_per_hour", "stops/h", ONE), make.ratio("route_utilization", "share of plan"),
        make.idle_min(), make.idle_share(), make.ratio("stem_share", "share of distance"),
        make.ratio("on_time_start_share", "share of routes"), make.number("co2_kg", "kg"), make.money("cost"),
        make.money("cost_per_route", ""), make.money("cost_per_stop"),
        make.money("cost_per_stop_month_before", "", "cost_per_stop_before"), make.cost_per_distance(),
        make.text("currency"), make.coverage(),
    ]  # fmt: skip
    return Table("Routes", "route_months", fields, data.routes)


def _vans(data: MonthlyData, style: Style) -> Table:
    make = _Fields(data, style, has_engine=lambda row: not lacks_ignition(row))
    hours = Field("engine_on_h", "h", ONE, "engine_on_s", lambda row: round(row.engine_on_s / 3600, 2))
    fields = [
        make.month(), make.text("vehicle_id"), make.count("days_with_data", "days_with_data"),
        make.count("days_on_a_route", "dispatched_days"), make.count("days_available", "available_days"),
        Field("day_utilization", "share of days", SHARE, "day_utilization", lambda row: _rounded(row.day_utilization)),
        make.distance(), hours, make.idle_min(), make.idle_share(), make.money("idle_cost"),
        make.volume("fuel_used", "fuel_used_l"), make.money("fuel_cost"), make.number("co2_kg", "kg"),
        make.money("route_cost", "", "cost"), make.cost_per_distance(), make.text("currency"), make.coverage(),
    ]  # fmt: skip
    return Table("Vans", "vehicle_months", fields, data.vehicles)


def _stations(data: MonthlyData, style: Style) -> Table:
    make = _Fields(data, style, has_engine=lambda row: True)
    litres, fuel = style.units.litres, style.units.volume.lower()

    def price(name: str, attribute: str) -> Field:
        return Field(
            f"{name}_per_{fuel}", "currency", TWO, "", lambda row: _rounded(scaled(getattr(row, attribute), litres))
        )

    fields = [
        make.month(), make.text("station", ""), make.text("town", ""), make.text("fuel", ""),
        make.count("purchases", "purchase_count", ""), make.volume("volume", "quantity_l"), make.money("net"),
        price("price", "price_per_l"), price("price_of_all", "mean_price_per_l"), make.text("currency"),
    ]  # fmt: skip
    return Table("Stations", "fuel_purchases", fields, data.stations)


class _Fields:
    """Makes the columns of a month in the reader's units; a ratio is empty where too little was heard."""

    def __init__(self, data: MonthlyData, style: Style, *, has_engine: Callable[[Any], bool]) -> None:
        self.data, self.units, self.has_engine = data, style.units, has_engine

    def month(self) -> Field:
        return Field("month", "", "", "date_from", lambda row: self.data.period.key)

    def text(self, name: str, column: str | None = None) -> Field:
        return Field(name, "", "", name if column is None else column, lambda row: getattr(row, name))

    def count(self, name: str, attribute: str, column: str | None = None) -> Field:
        of = attribute if column is None else column
        return Field(name, "number", WHOLE, of, lambda row: getattr(row, attribute))

    def number(self, name: str, unit: str) -> Field:
        return Field(name, unit, TWO, name, lambda row: _rounded(getattr(row, name)))

    def money(self, name: str, column: str | None = None, attribute: str | None = None) -> Field:
        of = name if column is None else column
        return Field(name, "currency", TWO, of, lambda row: _rounded(getattr(row, attribute or name)))

    def ratio(self, name: str, unit: str, shape: str = SHARE) -> Field:
        return Field(name, unit, shape, name, lambda row: _rounded(gated(getattr(row, name), row, "").value))

    def coverage(self) -> Field:
        return Field("coverage", "share of time", SHARE, "coverage", lambda row: _rounded(row.coverage))

    def idle_min(self) -> Field:
        return Field(
            "idle_min", "min", ONE, "idle_s", lambda row: round(row.idle_s / 60, 2) if self.has_engine(row) else None
        )

    def idle_share(self) -> Field:
        def value(row: Any) -> float | None:
            return _rounded(gated(row.idle_share, row, "").value) if self.has_engine(row) else None

        return Field("idle_share", "share of engine-on time", SHARE, "idle_share", value)

    def distance(self) -> Field:
        unit, metres = self.units.distance, self.units.metres
        return Field(f"distance_{unit}", unit, ONE, "distance_m", lambda row: round(row.distance_m / metres, 2))

    def volume(self, name: str, column: str) -> Field:
        unit, size = self.units.volume.lower(), 1 / self.units.litres
        return Field(f"{name}_{unit}", unit, TWO, column, lambda row: _rounded(scaled(getattr(row, column), size)))

    def cost_per_distance(self) -> Field:
        return Field(
            f"cost_per_{self.units.distance}", "currency", TWO, "cost_per_km",
            lambda row: _rounded(scaled(gated(row.cost_per_km, row, "").value, self.units.metres / 1000)),
        )  # fmt: skip


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
