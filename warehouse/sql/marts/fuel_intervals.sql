-- marts.fuel_intervals: tank to tank, one row per fill of a van but its first, from its last full tank.
--
-- A fill is assumed to fill the tank unless the gauge says otherwise; what is bought within an hour is one fill.
-- Litres are those of every fill after the first instant, so what a partial fill bought is burnt in a later interval.

with

lines as (

    select
        lines.tenant_id,
        lines.vehicle_id,
        lines.provider,
        lines.provider_txn_id,
        lines.item_no,
        lines.service_date,
        coalesce(lines.at_utc, lines.from_utc + (lines.to_utc - lines.from_utc) / 2) as filled_utc,
        lines.quantity_l,
        purchases.odometer_m,
        case when purchases.odometer_valid
            then purchases.odometer_typed
                * case when lower(purchases.odometer_unit) in ('mi', 'mile', 'miles') then 1609.344 else 1000 end
        end as typed_m
    from core.fuel_lines as lines
    left join marts.fuel_purchases as purchases using (tenant_id, provider, provider_txn_id, item_no)
    where lines.line_kind = 'fill'
        and lines.vehicle_id is not null
        and lines.quantity_l > 0
        and coalesce(lines.fuel_family, 'gasoline') not in ('def', 'electricity', 'other')
        and filled_utc is not null

),

bought as (

    select
        *,
        lead(filled_utc) over in_order > filled_utc + core.same_fill() is not false as is_last_of_fill,
        sum(quantity_l) over (in_order rows unbounded preceding) as bought_l,
        row_number() over in_order as fill_no
    from lines
    window in_order as (
        partition by tenant_id, vehicle_id order by filled_utc, provider, provider_txn_id, item_no
    )

),

gauged as (

    -- The highest level that a rise of the gauge near the fill reached.
    select
        bought.tenant_id, bought.provider, bought.provider_txn_id, bought.item_no, max(refuels.to_pct) as to_pct
    from bought
    join marts.refuels as refuels
        on refuels.tenant_id = bought.tenant_id
        and refuels.vehicle_id = bought.vehicle_id
        and bought.filled_utc >= refuels.started_utc - core.same_fill()
        and bought.filled_utc <= refuels.ended_utc + core.same_fill()
    group by all

),

fills as (

    select
        bought.*,
        coalesce(gauged.to_pct >= core.full_pct(), true) as is_full,
        case when gauged.to_pct is null then 'assumed' else 'level' end as full_source
    from bought
    left join gauged using (tenant_id, provider, provider_txn_id, item_no)
    where bought.is_last_of_fill

),

driven as (

    -- Metres of each van from its first date to the beginning of each date.
    select
        tenant_id,
        vehicle_id,
        service_date as driven_date,
        first_fix_utc,
        distance_m as date_m,
        coalesce(sum(distance_m) over (
            partition by tenant_id, vehicle_id order by service_date rows between unbounded preceding and 1 preceding
        ), 0) as before_m
    from core.vehicle_dates

),

placed as (

    -- Where each fill lies among them: a run of the ledger counts by its share of time.
    select fills.*, driven.driven_date, driven.before_m, driven.date_m
    from fills
    asof left join driven
        on fills.tenant_id = driven.tenant_id
        and fills.vehicle_id = driven.vehicle_id
        and fills.filled_utc >= driven.first_fix_utc

),

within_date as (

    select
        placed.tenant_id,
        placed.provider,
        placed.provider_txn_id,
        placed.item_no,
        -- In whole parts of 2^20 to the metre: their sum is the same in any order, and to put runs in order costs more.
        sum(round(
            runs.distance_m * least(
                1, (epoch_us(placed.filled_utc) - epoch_us(runs.started_utc)) / greatest(runs.duration_us, 1)
            ) * 1_048_576
        )::bigint) / 1_048_576 as within_m
    from placed
    join core.ledger as runs
        on runs.tenant_id = placed.tenant_id
        and runs.vehicle_id = placed.vehicle_id
        and runs.service_date = placed.driven_date
        and runs.started_utc <= placed.filled_utc
    -- The others add nothing, and are most of a large table.
    where runs.distance_m > 0
    group by all

),

measured as (

    select
        placed.*,
        placed.before_m + coalesce(within_date.within_m, 0) as days_m,
        last_value(case when placed.is_full then {
            'filled_utc': placed.filled_utc,
            'bought_l': placed.bought_l,
            'odometer_m': placed.odometer_m,
            'typed_m': placed.typed_m,
            'days_m': placed.before_m + coalesce(within_date.within_m, 0),
            'driven_date': placed.driven_date,
            'fill_no': placed.fill_no
        } end ignore nulls) over earlier as began
    from placed
    left join within_date using (tenant_id, provider, provider_txn_id, item_no)
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
        from bought
        where bought.tenant_id = refuels.tenant_id
            and bought.vehicle_id = refuels.vehicle_id
            and bought.filled_utc >= refuels.started_utc - core.same_fill()
            and bought.filled_utc <= refuels.ended_utc + core.same_fill()
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
