select tenant_id, package_capacity, avg(mean_packages / package_capacity)
from (
    select tenant_id, vehicle_id, avg(packages) as mean_packages
    from points
    group by all
)
join vehicles using (tenant_id, vehicle_id)
group by tenant_id, package_capacity
order by all
