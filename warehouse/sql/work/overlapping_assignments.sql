-- A device, a card and a driver belong to one van at a time, and a van to one depot: imported rows that say otherwise.

select distinct
    imported.row_no,
    imported.kind || ' ' || imported.id || ' is assigned to ' || other.vehicle_id || ' from ' || other.from_utc
    || ' to ' || other.to_utc || ' already' as reason

from imported
join core.assignments as other
    on imported.tenant_id = other.tenant_id
    and imported.kind = other.kind
    and imported.subject_id = other.subject_id
    and imported.from_utc < other.to_utc
    and other.from_utc < imported.to_utc
    and imported.from_utc != other.from_utc
order by imported.row_no, reason
