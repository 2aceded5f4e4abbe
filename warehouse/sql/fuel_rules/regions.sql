-- fuel_price_regions: the regions whose prices may stand for a state, nearest first. The whole country is too wide: what
-- is usual in one state is an outlier in another.

with

states as (

    select * from price_regions

)

select state, null::varchar as city, region, min(rank) as rank
from (
    select state, state as region, 1 as rank from states
    union all
    select state, name, 2 from states
    union all
    select state, subdistrict, 3 from states
    union all
    select state, district, 4 from states
)
where region is not null
group by all

union all

select state, lower(city), city, 0 as rank
from (select state, unnest(string_split(cities, ';')) as city from states where cities is not null)

union all

-- The post says "New York" of a town that its region calls "New York City".
select 'NY', 'new york', 'New York City', 0
