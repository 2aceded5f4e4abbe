-- Rows of one thing hold one after the other: imported rows of {table} that hold on a date on which another one does.

select distinct
    imported.row_no,
    'valid_from: ' || {named} || ' has a row that is valid from '
    || coalesce(other.valid_from::varchar, 'the beginning') || ' to '
    || coalesce(other.valid_to::varchar, 'no end: give that row a valid_to as well') || ' already' as reason

from imported
join {table} as other
    on {same}
    and coalesce(imported.valid_from, date '-infinity') < coalesce(other.valid_to, date 'infinity')
    and coalesce(other.valid_from, date '-infinity') < coalesce(imported.valid_to, date 'infinity')
    and imported.valid_from is distinct from other.valid_from
order by imported.row_no, reason
