-- marts.fuel_intervals: tank to tank, one row per fill of a van but its first, from its last full tank.
--
-- Of fuel_fills and the metres up to them (sql/fuel/fills.sql, sql/fuel/fill_metres.sql). Litres are those of every
-- fill after the first instant, so what a partial fill bought is burnt in a later interval.

with

placed as (

    select fills.*, fills.before_m + coalesce(metres.within_m, 0) as days_m
    from fuel_fills as fills
    left join staging.fill_metres as metres using (fill_hash)
    where fills.is_last_of_fill

),

measured as (

    select
        placed.*,
        last_value(case when placed.is_full then {
            'filled_utc': placed.filled_utc,
            'bought_l': placed.bought_l,
            'odometer_m': placed.odometer_m,
            'typed_m': placed.typed_m,
            'days_m': placed.days_m,
            'driven_date': placed.driven_date,
            'fill_no': placed.fill_no
        } end ignore nulls) over earlier as began
    from placed
    window earlier as (
        partition by placed.tenant_id, placed.vehicle_id
        order by placed.fill_no rows between unbounded preceding and 1 preceding
    )

),

heard as (

    -- How well the dates between the two fills are known.
    select
        measured.tenant_id,
        measured.provider,
        measured.provider_txn_id,
        measured.item_no,
        sum(days.drive_s + days.idle_s + days.off_s + days.ready_s + days.parked_s order by days.service_date)
        / nullif(sum(
            days.drive_s + days.idle_s + days.off_s + days.ready_s + days.parked_s + days.unknown_s
            order by days.service_date
        ), 0) as coverage
    from measured
    join marts.vehicle_days as days
        on days.tenant_id = measured.tenant_id
        and days.vehicle_id = measured.vehicle_id
        and days.service_date between measured.began.driven_date and measured.driven_date
    group by all

),

intervals as (

    select
        measured.tenant_id,
        measured.vehicle_id,
        measured.provider,
        measured.provider_txn_id,
        measured.item_no,
        measured.service_date,
        measured.began.filled_utc as from_utc,
        measured.filled_utc as to_utc,
        measured.fill_no - measured.began.fill_no as fill_count,
        measured.bought_l - measured.began.bought_l as litres,
        measured.odometer_m - measured.began.odometer_m as by_odometer_m,
        case when measured.driven_date is not null and measured.began.driven_date is not null
            then measured.days_m - measured.began.days_m end as by_days_m,
        measured.typed_m - measured.began.typed_m as by_typed_m,
        case
            when by_odometer_m > 0 then 'odometer'
            when by_days_m > 0 then 'days'
            when by_typed_m > 0 then 'typed'
            else 'none'
        end as distance_source,
        case distance_source
            when 'odometer' then by_odometer_m
            when 'days' then by_days_m
            when 'typed' then by_typed_m
        end as distance_m,
        heard.coverage,
        measured.is_full,
        measured.full_source,
        litres / nullif(distance_m, 0) * 1e5 as burnt_l_per_100km
    from measured
    left join heard using (tenant_id, provider, provider_txn_id, item_no)
    where measured.began.filled_utc is not null

),

unpaid as (

    -- The gauge rose between the two fills, and no fill of the van is near.
    select distinct intervals.tenant_id, intervals.provider, intervals.provider_txn_id, intervals.item_no
    from intervals
    join marts.refuels as refuels
        on refuels.tenant_id = intervals.tenant_id
        and refuels.vehicle_id = intervals.vehicle_id
        and refuels.started_utc > intervals.from_utc
        and refuels.ended_utc < intervals.to_utc
    where not exists (
        from fuel_fills as fills
        where fills.tenant_id = refuels.tenant_id
            and fills.vehicle_id = refuels.vehicle_id
            and fills.filled_utc >= refuels.started_utc - core.same_fill()
            and fills.filled_utc <= refuels.ended_utc + core.same_fill()
    )

),

usual as (

    -- What the van usually burns, from its full tanks; of fewer than three nothing is usual.
    select tenant_id, vehicle_id, median(burnt_l_per_100km) as usual_l_per_100km
    from intervals
    where is_full and burnt_l_per_100km is not null
    group by all
    having count(*) >= 3

),

flagged as (

    select
        intervals.*,
        list_sort(list_filter([
            case
                when (tenant_id, provider, provider_txn_id, item_no) in (
                    select (tenant_id, provider, provider_txn_id, item_no) from unpaid
                )
                or is_full and usual_l_per_100km * distance_m / 1e5 > core.missed_fill_factor() * litres
                then 'missed_fill'
            end,
            case when distance_source = 'days' and coalesce(coverage, 0) < core.least_coverage() then 'low_coverage' end,
            case when distance_source = 'none' then 'no_distance' end,
            case when not is_full then 'not_full' end
        ], lambda flag: flag is not null)) as quality_flags
    from intervals
    left join usual using (tenant_id, vehicle_id)

)

select
    * exclude (by_odometer_m, by_days_m, by_typed_m, burnt_l_per_100km),
    case when len(quality_flags) = 0 then burnt_l_per_100km end as l_per_100km,
    235.214583 / l_per_100km as mpg

from flagged
