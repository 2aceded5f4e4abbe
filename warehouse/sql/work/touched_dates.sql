-- The devices and UTC dates that new rows of the lake are of.

create or replace temp table touched_dates as

select distinct tenant_id, device_id, fix_date
from new_quarters
