-- Takes what tells a place of the vehicle-dates in erased_dates without a coordinate: the planned stop that was served at
-- a time. Times and sums stay.

update core.stops set planned_seq = null, match_distance_m = null
where (tenant_id, vehicle_id, service_date) in (from erased_dates);

update marts.stops set planned_seq = null, match_distance_m = null
where (tenant_id, vehicle_id, service_date) in (from erased_dates);

delete from core.planned_stops
where (tenant_id, vehicle_id, service_date) in (from erased_dates);

delete from marts.planned_stops
where (tenant_id, vehicle_id, service_date) in (from erased_dates);
