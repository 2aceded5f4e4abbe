-- A van idles only while its engine is on. Must return no row.
select * from {{ ref('van_weekdays') }} where idle_s > engine_on_s
