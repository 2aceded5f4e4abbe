-- Takes the places of the vehicle-dates in erased_dates out of core and marts; times and sums stay. The place of a
-- planned stop with the time it was served is a place as well.

update core.ledger set latitude = null, longitude = null
where (tenant_id, vehicle_id, service_date) in (from erased_dates);

update core.stops set latitude = null, longitude = null, planned_seq = null, match_distance_m = null
where (tenant_id, vehicle_id, service_date) in (from erased_dates);

delete from core.planned_stops
where (tenant_id, vehicle_id, service_date) in (from erased_dates);

update core.refuels set latitude = null, longitude = null
where (tenant_id, vehicle_id, service_date) in (from erased_dates);

update marts.idle_events set latitude = null, longitude = null
where (tenant_id, vehicle_id, service_date) in (from erased_dates);

update marts.legal_idle_events set latitude = null, longitude = null
where (tenant_id, vehicle_id, service_date) in (from erased_dates);

update marts.stops set latitude = null, longitude = null, planned_seq = null, match_distance_m = null
where (tenant_id, vehicle_id, service_date) in (from erased_dates);

delete from marts.planned_stops
where (tenant_id, vehicle_id, service_date) in (from erased_dates);

update marts.refuels set latitude = null, longitude = null
where (tenant_id, vehicle_id, service_date) in (from erased_dates);
