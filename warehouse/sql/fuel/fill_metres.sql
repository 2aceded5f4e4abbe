-- Metres of a van on the date of a fill up to that fill, for fills of fuel_fills of which they are not kept: a run of
-- the ledger counts by its share of time. Nothing else of the ledger, the largest table, is read for intervals.

with

missing as (

    from fuel_fills
    anti join staging.fill_metres using (fill_hash)
    where is_last_of_fill and driven_date is not null

),

driven as (

    select
        missing.fill_hash,
        -- In whole parts of 2^20 to the metre: their sum is the same in any order, and to put runs in order costs more.
        sum(round(
            runs.distance_m * least(
                1, (epoch_us(missing.filled_utc) - epoch_us(runs.started_utc)) / greatest(runs.duration_us, 1)
            ) * 1_048_576
        )::bigint) / 1_048_576 as within_m
    from missing
    join core.ledger as runs
        on runs.tenant_id = missing.tenant_id
        and runs.vehicle_id = missing.vehicle_id
        and runs.service_date = missing.driven_date
        and runs.started_utc <= missing.filled_utc
    -- The others add nothing, and are most of a large table.
    where runs.distance_m > 0
    group by all

)

select distinct van_hash, fill_hash, coalesce(within_m, 0) as within_m
from missing
left join driven using (fill_hash)
