-- How good the data of the day is, over all vans.

select
    coalesce(sum(received_count), 0)::bigint as received_count,
    coalesce(sum(accepted_count), 0)::bigint as accepted_count,
    coalesce(sum(duplicate_count), 0)::bigint as duplicate_count,
    coalesce(sum(conflict_count), 0)::bigint as conflict_count,
    coalesce(sum(rejected_count), 0)::bigint as rejected_count,
    median(median_delay_s) as median_delay_s,
    max(p95_delay_s) as worst_p95_delay_s,
    -- Of several that are equal always the same one: a report of the same day says the same.
    min_by(vehicle_id, (-p95_delay_s, vehicle_id)) filter (p95_delay_s is not null) as worst_delay_vehicle_id,
    max(longest_gap_s) as longest_gap_s,
    min_by(vehicle_id, (-longest_gap_s, vehicle_id)) filter (longest_gap_s is not null) as longest_gap_vehicle_id,
    count(*) filter (not is_registered) as unregistered_count,
    (
        select max(rebuilt_utc)
        from core.loads
        where tenant_id = $tenant_id and service_date = $service_date::date
    ) as rebuilt_utc,
    (
        select max_by(definitions_digest, load_id)
        from core.loads
        where tenant_id = $tenant_id and service_date = $service_date::date
    ) as definition_set,
    (
        select string_agg(distinct co2_factor_set, ', ' order by co2_factor_set)
        from marts.vehicle_days
        where tenant_id = $tenant_id and service_date = $service_date::date
    ) as factor_set,
    (
        select string_agg(check_name, ', ' order by check_name)
        from core.held_back
        where tenant_id = $tenant_id and service_date = $service_date::date
    ) as held_back_by

from marts.data_health
where tenant_id = $tenant_id and service_date = $service_date::date
