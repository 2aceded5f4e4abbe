-- The newest week that is over; null without one.

select max(date_from) as date_from
from report_weeks
