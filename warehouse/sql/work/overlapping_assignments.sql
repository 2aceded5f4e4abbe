-- A device, a card and a driver belong to one van at a time, and a van to one depot: imported rows that say otherwise.

select distinct
    imported.row_no,
    imported.kind || ' ' || imported.id || ' is already assigned to ' || other.vehicle_id
    || if(other.from_utc = timestamp '1970-01-01', '', ' from ' || other.from_utc)
    || if(other.to_utc = timestamp '9999-12-31', ', with no to_utc, which it needs too', ' to ' || other.to_utc) as reason

from imported
join core.assignments as other
    on imported.tenant_id = other.tenant_id
    and imported.kind = other.kind
    and imported.subject_id = other.subject_id
    and imported.from_utc < other.to_utc
    and other.from_utc < imported.to_utc
    and imported.from_utc != other.from_utc
-- Of two rows of the file the later one is told.
left join imported as earlier
    on earlier.tenant_id = other.tenant_id
    and earlier.kind = other.kind
    and earlier.subject_id = other.subject_id
    and earlier.from_utc = other.from_utc
where earlier.row_no is null or earlier.row_no < imported.row_no
order by imported.row_no, reason
