-- F16, odometer invalid: what was typed at the pump cannot be what the van showed.

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    {
        'reason': odometer_reason,
        'odometer_typed': odometer_typed,
        'odometer_unit': odometer_unit,
        'odometer_m': round(odometer_m, 0)
    } as evidence,
    printf(
        '%d %s was typed as the odometer of %s (%s)%s.',
        odometer_typed, coalesce(odometer_unit, ''), van, coalesce(replace(odometer_reason, '_', ' '), 'out of range'),
        if(odometer_m is null, '', printf('; its own says %s', fuel_distance(odometer_m, is_us)))
    ) as explanation

from fuel_cases
where is_lead
    and is_placed
    and not is_duplicate
    and odometer_valid = false
    and odometer_typed is not null
    and (time_shift_h is null or odometer_reason in ('zero', 'repeated_digits'))
