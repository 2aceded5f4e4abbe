"""Which vans get less out of their fuel than the others, and since when?"""

from collections.abc import Sequence
from datetime import date
from statistics import median
from typing import NamedTuple

from flows.report.style import Style
from flows.report.units import economy
from flows.report.weekly.rows import VehicleWeek, WeeklyData

WEEKS = 8
FEWEST_PEERS = 4  # a median of fewer says little
# [P] More than three robust standard deviations behind, and not by a scatter that nobody would look into.
OUTLIER_SIGMA, OUTLIER_SHARE = 3.0, 0.08
MAD_TO_SIGMA = 1.4826
MOST_SHOWN = 6


class Trend(NamedTuple):
    """One van: its economy in each of eight weeks, oldest first, beside the median of the vans of its fuel.

    `behind` is the share of the distance lost for the same fuel this week, 0.1 for a tenth, the same in all units.
    """

    vehicle_id: str
    values: list[float | None]
    medians: list[float | None]
    behind: float
    is_outlier: bool

    @property
    def now(self) -> float:
        """Return this week's economy, which every trend has."""
        value = self.values[-1]
        assert value is not None
        return value


def trends(data: WeeklyData, style: Style) -> list[Trend]:
    """Return the vans whose fuel of this week is known, those furthest behind the others first."""
    dates = [data.before_by(7 * ago) for ago in reversed(range(WEEKS))]
    found: list[Trend] = []
    by_fuel: dict[str | None, list[VehicleWeek]] = {}
    for van in data.vehicles:
        by_fuel.setdefault(van.fuel_type, []).append(van)
    for vans in by_fuel.values():
        found += _of_fuel(vans, dates, style)
    return sorted(found, key=lambda trend: (-trend.behind, trend.vehicle_id))


def outliers(trends: Sequence[Trend]) -> list[Trend]:
    """Return those that are behind by more than the scatter of the others."""
    return [trend for trend in trends if trend.is_outlier]


def _of_fuel(vans: Sequence[VehicleWeek], dates: Sequence[date], style: Style) -> list[Trend]:
    weeks: dict[date, dict[str, float]] = {day: {} for day in dates}
    for van in vans:
        value = economy(van.metered_distance_m, van.fuel_used_l, style.units) if van.is_heard else None
        if value is not None and van.date_from in weeks:
            weeks[van.date_from][van.vehicle_id] = value
    now = weeks[dates[-1]]
    if len(now) < FEWEST_PEERS:
        return []
    medians = [median(weeks[day].values()) if weeks[day] else None for day in dates]
    middle = median(now.values())
    # Distance for the same fuel, so that ahead and behind mean the same in all units.
    behind = {
        van: 1 - (v / middle if style.units.economy_is_distance_per_fuel else middle / v) for van, v in now.items()
    }
    sigma = MAD_TO_SIGMA * median(abs(value) for value in behind.values())
    return [
        Trend(
            van,
            [weeks[day].get(van) for day in dates],
            medians,
            share,
            share > OUTLIER_SHARE and share > OUTLIER_SIGMA * sigma,
        )
        for van, share in behind.items()
    ]
