-- When weeks begin: on the weekday of the newest row of the tenant, for all its weeks, so that weeks never overlap.

create or replace macro core.week_begin(day, week_start) as
    day - ((dayofweek(day) - coalesce(list_position(
        ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'], week_start
    ), 1) + 8) % 7)::integer;

create or replace view staging.week_starts as
select tenant_id, arg_max(week_start, from_date) as week_start
from staging.tenant_ranges
group by tenant_id;

-- An interval from fewer units than this would say more than they do.
create or replace macro core.least_units() as 8;

-- The 97.5 % quantile of Student's t by its degrees of freedom: the expansion of Cornish and Fisher about the normal one,
-- off by less than 0.0001 from seven degrees on.
create or replace macro core.t_quantile(degrees) as
    1.959963984540054
    + 2.3722712 / degrees
    + 2.8224986 / degrees ** 2
    + 2.5558497 / degrees ** 3
    + 1.5895341 / degrees ** 4;
