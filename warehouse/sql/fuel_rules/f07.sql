-- F7, engine on while fuelling: the engine ran for more than two minutes inside the site.

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    {'engine_on_site_s': round(engine_on_site_s, 0), 'nearest_15_m': round(nearest_15_m, 0)} as evidence,
    printf(
        'The engine of %s ran for %s at %s around %s.', van, fuel_span(engine_on_site_s), site_words, clock
    ) as explanation

from fuel_cases
where line_kind in ('fill', 'pending')
    and is_lead
    and not is_duplicate
    and near_utc is not null
    and time_shift_h is null
    and match_state = 'match'
    and engine_on_site_s > $engine_on_s
