-- Rejected rows of the day by reason, most frequent first.

select
    reason,
    sum((rejected_by_rule ->> ('$."' || reason || '"'))::bigint)::bigint as row_count

from (

    select
        rejected_by_rule,
        unnest(json_keys(rejected_by_rule)) as reason

    from marts.data_health
    where tenant_id = $tenant_id and service_date = $service_date::date

)

group by reason
order by row_count desc, reason
