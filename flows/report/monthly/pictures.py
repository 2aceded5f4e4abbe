"""What did the month look like: its weeks, its routes and how much its vans were used?

Each is drawn twice, for the page and for a telephone.
"""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from flows.report.drawing import (
    BLUE,
    GREY,
    INK,
    LIGHT_GREY,
    LINE,
    MUTED,
    ORANGE,
    WIDTH_PX,
    figure,
    label_px,
    legend,
    png,
    points,
    short,
)
from flows.report.monthly.measures import lacks_ignition, scaled
from flows.report.monthly.rows import MonthlyData, Route, Vehicle, Week
from flows.report.multiples import Panel, drawn, multiples
from flows.report.style import Style
from flows.report.units import economy

MOST_BARS = 24


def panels(data: MonthlyData, style: Style) -> list[Panel]:
    """Return the figures that at least two weeks know."""
    units = style.units
    size = units.metres / 1000
    currency = data.month.currency

    def of(name: str, value: Callable[[Week], float | None], write: Callable[[float], str]) -> Panel:
        return Panel(name, [value(week) if week.is_heard else None for week in data.weeks], write)

    def money(value: float) -> str:
        return style.money(value, currency, cents=True)

    def share(value: float) -> str:
        return style.percent(value, 1)

    every = [
        of("Cost per stop", lambda week: week.cost_per_stop, money),
        of(f"Cost per {units.distance}", lambda week: scaled(week.cost_per_km, size), money),
        of("Idle share", lambda week: None if lacks_ignition(week) else week.idle_share, share),
        of("Route utilization", lambda week: week.route_utilization, share),
        of(
            f"Fuel economy, {units.economy}",
            lambda week: economy(week.metered_distance_m, week.fuel_used_l, units),
            lambda value: style.number(value, 1),
        ),
        of(
            f"CO2 per {units.distance}",
            lambda week: scaled(week.co2_kg_per_km, size),
            lambda value: f"{style.number(value, 2)} kg",
        ),
    ]
    return drawn(every)


def weeks(data: MonthlyData, style: Style, *, width_px: int = WIDTH_PX) -> bytes:
    """Draw each figure week by week; weeks that begin in the month stand on grey."""
    inside = [place for place, week in enumerate(data.weeks) if week.date_from >= data.period.first]
    return multiples(panels(data, style), shaded=(inside[0], inside[-1]) if inside else None, width_px=width_px)


def shown_routes(data: MonthlyData) -> list[Route]:
    """Return the routes in the picture: those with the dearest stops."""
    return [route for route in data.routes if route.cost_per_stop is not None and route.is_heard][:MOST_BARS]


def routes(data: MonthlyData, style: Style, *, width_px: int = WIDTH_PX) -> bytes:
    """Draw what a stop of each route cost, and what it cost the month before."""
    shown = shown_routes(data)
    names = [route.route_id for route in shown]
    picture, axes = figure(
        height_px=34 + 19 * len(shown), left_px=label_px(names), right_px=56, top_px=30, bottom_px=4, width_px=width_px
    )
    now = [route.cost_per_stop or 0.0 for route in shown]
    mean = data.month.cost_per_stop
    for place, route in enumerate(shown):
        before = route.cost_per_stop_before
        axes.axhline(place, color=LINE, linewidth=0.6, zorder=0)
        if before is not None:
            axes.plot([before, now[place]], [place, place], color=GREY, linewidth=1.4, zorder=1)
            axes.plot(before, place, "o", color="white", markeredgecolor=MUTED, markersize=5, zorder=2)
        axes.plot(now[place], place, "o", color=BLUE, markersize=6.5, zorder=3)
    axes.set_yticks(range(len(shown)), [short(name) for name in names])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xticks([])
    known = [*now, *(route.cost_per_stop_before for route in shown if route.cost_per_stop_before is not None)]
    known += [mean] if mean is not None else []
    # A cent of difference should not span the page.
    middle, room = (min(known) + max(known)) / 2, max(max(known) - min(known), 0.2 * max(known))
    axes.set_xlim(middle - 0.54 * room, middle + 0.54 * room)
    handles = [Line2D([], [], color=BLUE, marker="o", linestyle="", markersize=6.5, label="this month")]
    if any(route.cost_per_stop_before is not None for route in shown):
        handles.append(
            Line2D([], [], color="white", marker="o", markeredgecolor=MUTED, linestyle="", label="month before")
        )
    if mean is not None:
        axes.axvline(mean, color=ORANGE, linewidth=1.2, zorder=0)
        label = f"all routes, {style.money(mean, data.month.currency, cents=True)}"
        handles.append(Line2D([], [], color=ORANGE, linewidth=1.2, label=label))
    for place, value in enumerate(now):
        text = style.money(value, data.month.currency, cents=True)
        axes.text(1 + 56 / (axes.get_position().width * width_px), place, text, transform=axes.get_yaxis_transform(),
                  ha="right", va="center", fontsize=points(11), color=INK)  # fmt: skip
    legend(picture, handles)
    return png(picture)


def shown_vehicles(data: MonthlyData) -> list[Vehicle]:
    """Return the vans in the picture: those used least."""
    if not data.month.route_count:
        return []
    return [van for van in data.vehicles if van.available_days][:MOST_BARS]


def use(data: MonthlyData, style: Style, *, width_px: int = WIDTH_PX) -> bytes:
    """Draw on how many of the days it was available each van drove a route."""
    shown = shown_vehicles(data)
    names = [van.vehicle_id for van in shown]
    picture, axes = figure(
        height_px=34 + 19 * len(shown), left_px=label_px(names), right_px=64, top_px=30, bottom_px=4, width_px=width_px
    )
    places = range(len(shown))
    axes.barh(places, [van.available_days for van in shown], color=LIGHT_GREY, height=0.62)
    axes.barh(places, [van.dispatched_days for van in shown], color=BLUE, height=0.62)
    axes.set_yticks(places, [short(name) for name in names])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_xlim(0, max(max(van.available_days, van.dispatched_days) for van in shown))
    _right(axes, [f"{van.dispatched_days} of {van.available_days}" for van in shown], width_px)
    legend(picture, [Patch(color=BLUE, label="days on a route"), Patch(color=LIGHT_GREY, label="days available")])
    return png(picture)


def _right(axes: Axes, labels: Sequence[str], width_px: int) -> None:
    edge = 1 + 64 / (axes.get_position().width * width_px)
    for place, label in enumerate(labels):
        axes.text(edge, place, label, transform=axes.get_yaxis_transform(), ha="right", va="center",
                  fontsize=points(11), color=INK)  # fmt: skip
