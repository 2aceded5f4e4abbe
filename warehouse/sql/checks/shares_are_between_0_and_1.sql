-- Coverage, idle share, window coverage and stem share are shares: between 0 and 1 wherever they are known.
-- severity: error

with

shares as (

    select
        tenant_id,
        service_date,
        vehicle_id as subject_id,
        unnest([
            {'name': 'coverage', 'share': coverage},
            {'name': 'engine_coverage', 'share': engine_coverage},
            {'name': 'window_coverage', 'share': window_coverage},
            {'name': 'idle_share', 'share': idle_share}
        ], recursive := true)
    from marts.vehicle_days
    where service_date = $day
    union all
    select
        tenant_id,
        service_date,
        route_id as subject_id,
        unnest([
            {'name': 'coverage', 'share': coverage},
            {'name': 'idle_share', 'share': idle_share},
            {'name': 'stem_share', 'share': stem_share}
        ], recursive := true)
    from marts.route_days
    where service_date = $day

)

select *
from shares
where share not between -1e-9 and 1 + 1e-9
