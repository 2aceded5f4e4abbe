-- stale_lines: lines whose presence was measured from other inputs than there are now, or never.
--
-- changed_vans  where all that differs is that these vans have revisions since $since: what was found of other vans
--               stays. Null: everything is measured again. That it is true is told by the digest: it was of the
--               revisions before $since.
-- is_read_by_date  whether the line is read with lines of its UTC date only.

create or replace temp table stale_lines as

with

stale as (

    select
        line_inputs.* exclude (service_date),
        done.inputs as known_inputs,
        coalesce(at_utc, day_from_utc)::date as about_date
    from line_inputs
    left join core.fuel_evaluations as done using (tenant_id, provider, provider_txn_id, item_no)
    where known_inputs is distinct from line_inputs.inputs
        -- What was found while the positions were all there stays.
        and (known_inputs is null or not exists (
            from core.frozen_dates as frozen
            where frozen.tenant_id = line_inputs.tenant_id
                and frozen.vehicle_id = line_inputs.vehicle_id
                and frozen.service_date = line_inputs.service_date
        ))

),

revised as (

    select distinct tenant_id, service_date, vehicle_id from core.revisions where revised_utc >= $since

),

changes as (

    select
        tenant_id,
        provider,
        provider_txn_id,
        item_no,
        list(distinct revised.vehicle_id order by revised.vehicle_id) as vans
    from stale
    join revised using (tenant_id)
    where revised.service_date between about_date - 2 and about_date + 2
    group by all

),

compared as (

    select
        stale.* exclude (known_inputs),
        case when before.inputs = known_inputs and len(vans) <= $most_vans then vans end as changed_vans
    from stale
    left join line_inputs_before as before using (tenant_id, provider, provider_txn_id, item_no)
    left join changes using (tenant_id, provider, provider_txn_id, item_no)

)

select
    *,
    changed_vans is null
    -- A level in litres is a share of the largest tank that the lines read with it name.
    or count(distinct case when list_contains(changed_vans, vehicle_id) then coalesce(tank_l, 0) end)
        over (partition by tenant_id, changed_vans) > 1 as is_read_by_date

from compared
