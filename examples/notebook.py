"""Where and when do vans idle, how long did routes take, and which purchases make no sense? A marimo notebook.

To work in: `marimo edit examples/notebook.py`. As an app: `marimo run examples/notebook.py`. As a page to send:
`marimo export html examples/notebook.py -o notebook.html`. As a script it prints headline numbers, and with
`--pictures FOLDER` writes the charts as PNG.
"""

import marimo

app = marimo.App(width="medium", app_title="A fleet's days")


@app.cell
def _():
    import os
    from pathlib import Path

    import altair as alt
    import duckdb
    import marimo as mo

    @alt.theme.register("odograph", enable=False)
    def _left_titles() -> alt.theme.ThemeConfig:
        return alt.theme.ThemeConfig(config={"title": {"anchor": "start", "subtitleColor": "#666"}})

    alt.theme.enable("odograph")
    data_dir = Path(os.environ.get("ODOGRAPH_DATA_DIR", "data"))
    # The connection stays with the generation it opened; run this cell again to see the newest.
    published = duckdb.connect(str(data_dir / "published" / "odograph.duckdb"), read_only=True)
    return Path, alt, mo, published


@app.cell
def _(mo, published):
    tenants = [
        name for (name,) in published.sql("select distinct tenant_id from marts.fleet_days order by 1").fetchall()
    ]
    tenant = mo.ui.dropdown(tenants, value="northwind" if "northwind" in tenants else tenants[0], label="Fleet")
    return (tenant,)


@app.cell
def _(mo, published, tenant):
    [(first, last, van_count, idle_h, idle_share)] = published.sql(
        """
        select min(service_date), max(service_date), count(distinct vehicle_id), sum(idle_s) / 3600,
               sum(idle_s) / sum(engine_on_s)
        from marts.vehicle_days where tenant_id = $tenant
        """,
        params={"tenant": tenant.value},
    ).fetchall()
    headline = (
        f"{tenant.value}, {first} to {last}: {van_count} vans idled {idle_h:.1f} h, {idle_share:.1%} of engine-on time"
    )
    mo.vstack([mo.md("# A fleet's days"), tenant, mo.md(headline)])
    return (headline,)


@app.cell
def _(published, tenant):
    # A run of the ledger may last over the full hour: each hour gets its part. Hours are those of the depot's clock.
    idle_hours = published.sql(
        """
        with runs as (
            select
                ledger.vehicle_id,
                started_utc at time zone 'UTC' at time zone depots.timezone as begins,
                ended_utc at time zone 'UTC' at time zone depots.timezone as ends,
                count(distinct service_date) over (partition by ledger.vehicle_id) as day_count
            from core.ledger
            join marts.vehicle_days using (tenant_id, vehicle_id, service_date)
            join (select distinct tenant_id, depot_id, timezone from core.depots) as depots using (tenant_id, depot_id)
            where state = 'idle' and tenant_id = $tenant
        ),

        parts as (
            select *, unnest(generate_series(date_trunc('hour', begins), ends, interval 1 hour)) as clock_hour from runs
        )

        select
            vehicle_id,
            hour(clock_hour) as hour,
            sum(epoch(least(ends, clock_hour + interval 1 hour) - greatest(begins, clock_hour)))
                / 60 / any_value(day_count) as idle_min
        from parts
        group by all
        having idle_min > 0
        order by all
        """,
        params={"tenant": tenant.value},
    ).pl()
    routes = published.sql(
        """
        select strftime(service_date, '%a %d %b') || ' · ' || route_id as route, route_time_s / 3600 as took_h,
               planned_route_time_s / 3600 as planned_h, route_utilization
        from marts.route_days where tenant_id = $tenant and planned_route_time_s is not null
        order by service_date, route_id
        """,
        params={"tenant": tenant.value},
    ).pl()
    flags = published.sql(
        """
        select rule_id || ' · ' || vehicle_id || ' · ' || strftime(service_date, '%a %d %b') as purchase,
               cost::double as cost, severity, explanation
        from marts.fuel_exceptions where tenant_id = $tenant and state = 'open' order by cost desc
        """,
        params={"tenant": tenant.value},
    ).pl()
    return flags, idle_hours, routes


@app.cell
def _(alt, idle_hours):
    if idle_hours.is_empty():
        heat_map = None
    else:
        heat_map = (
            alt.Chart(idle_hours, title=alt.Title("Idling by van and hour", subtitle="minutes a day, depot's clock"))
            .mark_rect(cornerRadius=2)
            .encode(
                alt.X("hour:O", title="hour of the day", axis=alt.Axis(labelAngle=0)),
                alt.Y("vehicle_id:N", title=None),
                alt.Color("idle_min:Q", title="min", scale=alt.Scale(scheme="orangered", domainMin=0)),
                tooltip=["vehicle_id", "hour", alt.Tooltip("idle_min:Q", format=".1f")],
            )
            .properties(width=620, height=alt.Step(28))
        )
    heat_map
    return (heat_map,)


@app.cell
def _(alt, routes):
    if routes.is_empty():
        route_chart = None
    else:
        rows = alt.Chart(routes).encode(alt.Y("route:N", sort=None, title=None))
        bars = rows.mark_bar(height=12).encode(
            alt.X("took_h:Q", title="hours", axis=alt.Axis(tickMinStep=1)),
            color=alt.when(alt.datum.route_utilization > 1).then(alt.value("#d35400")).otherwise(alt.value("#2e6f9e")),
            tooltip=[alt.Tooltip(f"{name}:Q", format=".2f") for name in ("took_h", "planned_h", "route_utilization")],
        )  # fmt: skip
        plans = rows.mark_tick(thickness=2, size=18, color="black").encode(alt.X("planned_h:Q"))
        shares = rows.mark_text(align="right", dx=-6, color="white", fontSize=10).encode(
            alt.X("took_h:Q"), alt.Text("route_utilization:Q", format=".0%")
        )
        route_chart = (bars + plans + shares).properties(
            title=alt.Title("Routes against their plan", subtitle="black mark: planned; orange: over the plan"),
            width=620, height=alt.Step(20),
        )  # fmt: skip
    route_chart
    return (route_chart,)


@app.cell
def _(alt, flags, mo):
    if flags.is_empty():
        flag_chart, shown = None, mo.md("No open fuel flags.")
    else:
        flag_chart = (
            alt.Chart(flags, title=alt.Title("Open fuel flags", subtitle="USD at stake; a lead, not proof"))
            .mark_bar(height=14)
            .encode(
                alt.X("cost:Q", title="USD"),
                alt.Y("purchase:N", sort=None, title=None, axis=alt.Axis(labelLimit=260)),
                alt.Color(
                    "severity:N",
                    scale=alt.Scale(domain=["high", "medium", "low"], range=["#c0392b", "#e67e22", "#95a5a6"]),
                ),
                tooltip=["explanation"],
            )
            .properties(width=520, height=alt.Step(26))
        )
        explained = "\n".join(f"- **{purchase}**: {said}" for purchase, _, _, said in flags.iter_rows())
        shown = mo.vstack([flag_chart, mo.md(explained)])
    shown
    return (flag_chart,)


@app.cell
def _(Path, flag_chart, flags, headline, heat_map, idle_hours, mo, route_chart, routes):
    if mo.app_meta().mode == "script":
        print(headline)
        print(
            f"{idle_hours.height} van-hours with idling, {routes.height} routes with a plan, {flags.height} fuel flags"
        )
        if pictures := mo.cli_args().get("pictures"):
            Path(pictures).mkdir(parents=True, exist_ok=True)
            charts = {"idling": heat_map, "routes": route_chart, "fuel_flags": flag_chart}
            for name, chart in charts.items():
                if chart is not None:
                    chart.save(Path(pictures) / f"{name}.png", scale_factor=2)
    return


if __name__ == "__main__":
    app.run()
