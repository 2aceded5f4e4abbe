-- How each van spent each local hour of the week, over the dates it was heard: seconds with the engine on and seconds of
-- silence, out of an hour a date. Runs are cut at quarters of an hour first: every zone is a whole number of them from UTC.

with

runs as (

    select
        vehicle_id,
        service_date,
        state,
        epoch_us(started_utc) as started_us,
        epoch_us(ended_utc) as ended_us,
        unnest(range(epoch_us(started_utc) // 900_000_000, (epoch_us(ended_utc) - 1) // 900_000_000 + 1)) as quarter

    from core.ledger
    where tenant_id = $tenant_id
        and service_date between $first::date and $first::date + 6
        and state in ('drive', 'idle', 'unknown')

),

quarters as (

    select
        vehicle_id,
        service_date,
        quarter,
        sum(least(ended_us, (quarter + 1) * 900_000_000) - greatest(started_us, quarter * 900_000_000))
            filter (state <> 'unknown') as engine_on_us,
        sum(least(ended_us, (quarter + 1) * 900_000_000) - greatest(started_us, quarter * 900_000_000))
            filter (state = 'unknown') as unknown_us

    from runs
    group by all

),

heard as (

    select
        vehicle_id,
        count(*) as day_count

    from marts.vehicle_days
    where tenant_id = $tenant_id and service_date between $first::date and $first::date + 6
    group by vehicle_id

)

select
    quarters.vehicle_id,
    hour(make_timestamp(quarter * 900_000_000) at time zone 'UTC' at time zone dates.timezone) as hour,
    coalesce(sum(engine_on_us), 0)::double / 1e6 as engine_on_s,
    coalesce(sum(unknown_us), 0)::double / 1e6 as unknown_s,
    any_value(day_count) * 3600::double as heard_s

from quarters
join core.vehicle_dates as dates
    on dates.tenant_id = $tenant_id
    and dates.vehicle_id = quarters.vehicle_id
    and dates.service_date = quarters.service_date
join heard on heard.vehicle_id = quarters.vehicle_id

group by quarters.vehicle_id, hour
order by quarters.vehicle_id, hour
