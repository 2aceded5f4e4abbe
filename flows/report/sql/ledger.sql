-- The runs of the vans in the timeline picture: all of them, or the `most` with most idle (without idle: longest heard).

with

shown as (

    select
        vehicle_id,
        row_number() over (
            order by idle_s desc, drive_s + parked_s + ready_s + off_s + unknown_s desc, vehicle_id
        ) - 1 as place

    from marts.vehicle_days
    where tenant_id = $tenant_id and service_date = $service_date::date
    qualify place < $most

)

select
    place,
    state,
    epoch_us(started_utc) as started_us,
    epoch_us(ended_utc) as ended_us

from core.ledger
join shown using (vehicle_id)

where tenant_id = $tenant_id and service_date = $service_date::date

order by place, started_us
