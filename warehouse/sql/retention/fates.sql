-- What becomes of the positions of each vehicle-date in one partition of the lake (`partition_rows`): whether
-- they are over the time of whole positions or of thinned ones, and whether a hold or a rebuild to come keeps them.

insert into fates by name

with

counted as (

    select
        tenant_id,
        vehicle_id,
        service_date,
        fix_date,
        count(*) filter (flags is distinct from 'thinned') as whole_count,
        count(*) filter (flags = 'thinned') as thinned_count
    from ({resolved})
    group by all

)

select
    counted.*,
    exists (
        from held
        where held.tenant_id = counted.tenant_id
            and held.vehicle_id = counted.vehicle_id
            and counted.service_date between held.from_date and held.to_date
    ) as is_held,
    exists (
        from core.reopened as reopened
        where reopened.tenant_id = counted.tenant_id
            and reopened.vehicle_id = counted.vehicle_id
            and reopened.service_date = counted.service_date
    ) as is_open,
    counted.service_date < gone.before_date as is_expired,
    not is_expired and whole_count > 0
    and (counted.service_date < whole.before_date or coalesce(frozen.why = 'thinning', false)) as is_to_thin

from counted
join cutoffs as whole on whole.tenant_id = counted.tenant_id and whole.data = 'positions'
join cutoffs as gone on gone.tenant_id = counted.tenant_id and gone.data = 'thinned_positions'
left join core.frozen_dates as frozen
    on frozen.tenant_id = counted.tenant_id
    and frozen.vehicle_id = counted.vehicle_id
    and frozen.service_date = counted.service_date
where is_expired or is_to_thin
