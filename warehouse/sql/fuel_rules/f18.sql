-- F18, unknown card, van or driver: a reference that is in no list of the fleet at that time.

with

asked as (

    select
        *,
        list_filter([
            case
                when not is_card_known and tenant_id in (
                    select tenant_id from core.cards
                    union all
                    select tenant_id from core.assignments where kind = 'card'
                )
                then 'card ' || coalesce('ending in ' || card_last4, card_id, 'not named')
            end,
            case
                when not is_vehicle_known and tenant_id in (select tenant_id from core.vehicles)
                then 'vehicle reference ' || coalesce(vehicle_ref, 'not named')
            end,
            case
                when not is_driver_known and tenant_id in (
                    select tenant_id from core.drivers
                    union all
                    select tenant_id from core.assignments where kind = 'driver'
                )
                then 'driver reference ' || coalesce(driver_ref, 'not named')
            end
        ], lambda one: one is not null) as unknown
    from fuel_cases
    where is_lead and not is_duplicate

)

select
    tenant_id,
    provider,
    provider_txn_id,
    item_no,
    vehicle_id,
    amount as cost,
    {
        'unknown': unknown,
        'is_card_known': is_card_known,
        'is_vehicle_known': is_vehicle_known,
        'is_driver_known': is_driver_known
    } as evidence,
    printf(
        '%s: in no list of the fleet at %s.', array_to_string(unknown, ', '), clock
    ) as explanation

from asked
where len(unknown) > 0
