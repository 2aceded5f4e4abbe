-- Units of a date as definitions are asked of them: a unit that is shorter than a threshold cannot be over it, so it is
-- not asked, but for one of each van, kind and place: whether a definition applies depends on nothing else.

select
    date '{day}' as service_date,
    vans.tenant_id,
    vans.vehicle_id,
    numbered.* exclude (van_no),
    case when firsts.row_no is not null then {always} else numbered.duration_us end as asked_us
from (select *, rowid as row_no from numbered_idle_units) as numbered
join day_vans as vans using (van_no)
left join (
    select min(rowid) as row_no
    from numbered_idle_units
    group by van_no, unit, jurisdictions, place_precision_m is null, latitude is null
) as firsts using (row_no)
