-- Rows of one thing hold one after the other: imported rows of {table} that hold on a date on which another one does.

select distinct
    imported.row_no,
    'valid_from: ' || {named} || ' already has a row that is valid from '
    || coalesce(other.valid_from::varchar, 'the beginning')
    || coalesce(' to ' || other.valid_to::varchar, ' and has no valid_to, which it needs too') as reason

from imported
join {table} as other
    on {same}
    and coalesce(imported.valid_from, date '-infinity') < coalesce(other.valid_to, date 'infinity')
    and coalesce(other.valid_from, date '-infinity') < coalesce(imported.valid_to, date 'infinity')
    and imported.valid_from is distinct from other.valid_from
-- Of two rows of the file the later one is told.
left join imported as earlier
    on {both}
    and earlier.valid_from is not distinct from other.valid_from
where earlier.row_no is null or earlier.row_no < imported.row_no
order by imported.row_no, reason
