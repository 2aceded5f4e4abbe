select
    tenant_id,
    sum(projected_l) / sum(distance_m) * 1e5 as projected_l_per_100km,
    sum(litres) / sum(distance_m) * 1e5 as l_per_100km
from marts.fuel_against_projection($first_day, $last_day)
group by tenant_id
order by tenant_id
