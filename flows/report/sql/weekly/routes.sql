-- Every route over the week and over the four weeks before it: ratios as sums over sums.

with

before as (

    select
        route_id,
        sum(stem_m order by date_from) / nullif(sum(stem_distance_m order by date_from), 0) as stem_share

    from marts.route_weeks
    where tenant_id = $tenant_id
        and date_from between $first::date - 28 and $first::date - 7
        and coalesce(coverage, 1) >= $min_coverage
    group by route_id

)

select
    route_id,
    days_with_data,
    route_time_s,
    planned_route_time_s,
    route_utilization,
    route_weeks.stem_share,
    before.stem_share as stem_share_before,
    stem_m,
    coverage,
    coalesce(coverage, 1) >= $min_coverage as is_heard

from marts.route_weeks
left join before using (route_id)

where tenant_id = $tenant_id and date_from = $first::date

order by route_id
