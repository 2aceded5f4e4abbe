-- A period of one date has the ratios of that date: what is summed over periods agrees with what is built by dates.
-- severity: error

select
    days.tenant_id,
    days.service_date,
    days.idle_share,
    totals.idle_share as total_idle_share,
    days.coverage,
    totals.coverage as total_coverage,
    days.fuel_l_per_100km,
    totals.fuel_l_per_100km as total_fuel_l_per_100km,
    days.cost_per_stop,
    totals.cost_per_stop as total_cost_per_stop
from marts.fleet_days as days
join core.fleet_totals($day, $day) as totals using (tenant_id)
where days.service_date = $day
    and (
        abs(coalesce(days.idle_share, -1) - coalesce(totals.idle_share, -1)) > 1e-9
        or abs(coalesce(days.coverage, -1) - coalesce(totals.coverage, -1)) > 1e-9
        or abs(coalesce(days.fuel_l_per_100km, -1) - coalesce(totals.fuel_l_per_100km, -1)) > 1e-6
        or abs(coalesce(days.cost_per_stop, -1) - coalesce(totals.cost_per_stop, -1)) > 1e-3
    )
