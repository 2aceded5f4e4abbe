-- Where the vans of `ranked_positions` were first and last heard on their service date, by good positions.

select
    tenant_id,
    vehicle_id,
    service_date,
    unnest([first_place, last_place]) as place
from (
    select
        tenant_id,
        vehicle_id,
        service_date,
        arg_min(place, (fix_ms, payload_hash, point_index)) as first_place,
        arg_max(place, (fix_ms, payload_hash, point_index)) as last_place
    from (
        select *, {'latitude': latitude_e7 / 1e7, 'longitude': longitude_e7 / 1e7} as place
        from ranked_positions
        where copy_rank = 1 and quality = 'good' and latitude_e7 is not null
    )
    group by all
)
