-- Of what a fleet sends on a date at most one point in twenty is rejected; below twenty rejects nobody is bothered.
-- (One in twenty: set 2026-11-21; a device that is set up wrongly has nearly all of its points rejected.)
-- severity: warn

select
    tenant_id,
    service_date,
    sum(rejected_count)::bigint as rejected_count,
    sum(received_count)::bigint as received_count
from marts.data_health
where service_date = $day
group by all
having sum(rejected_count) >= 20 and sum(rejected_count) > 0.05 * sum(rejected_count + received_count)
