-- fuel_fills: every fill of the vans whose intervals are made, and where it lies among the dates they drove.
--
-- A fill is assumed to fill the tank unless the gauge says otherwise; what is bought within an hour is one fill, and
-- its last line stands for it. Vans of same_vans are left out: nothing of them changed.

with

lines as (

    select
        lines.tenant_id,
        lines.vehicle_id,
        lines.provider,
        lines.provider_txn_id,
        lines.item_no,
        lines.service_date,
        coalesce(lines.at_utc, lines.from_utc + (lines.to_utc - lines.from_utc) / 2) as filled_utc,
        lines.quantity_l,
        purchases.odometer_m,
        case when purchases.odometer_valid
            then purchases.odometer_typed
                * case when lower(purchases.odometer_unit) in ('mi', 'mile', 'miles') then 1609.344 else 1000 end
        end as typed_m
    from (from core.fuel_lines anti join same_vans using (tenant_id, vehicle_id)) as lines
    left join marts.fuel_purchases as purchases using (tenant_id, provider, provider_txn_id, item_no)
    where lines.line_kind = 'fill'
        and lines.vehicle_id is not null
        and lines.quantity_l > 0
        and coalesce(lines.fuel_family, 'gasoline') not in ('def', 'electricity', 'other')
        and filled_utc is not null

),

bought as (

    select
        *,
        lead(filled_utc) over in_order > filled_utc + core.same_fill() is not false as is_last_of_fill,
        sum(quantity_l) over (in_order rows unbounded preceding) as bought_l,
        row_number() over in_order as fill_no
    from lines
    window in_order as (
        partition by tenant_id, vehicle_id order by filled_utc, provider, provider_txn_id, item_no
    )

),

gauged as (

    -- The highest level that a rise of the gauge near the fill reached.
    select
        bought.tenant_id, bought.provider, bought.provider_txn_id, bought.item_no, max(refuels.to_pct) as to_pct
    from bought
    join marts.refuels as refuels
        on refuels.tenant_id = bought.tenant_id
        and refuels.vehicle_id = bought.vehicle_id
        and bought.filled_utc >= refuels.started_utc - core.same_fill()
        and bought.filled_utc <= refuels.ended_utc + core.same_fill()
    group by all

),

fills as (

    select
        bought.*,
        coalesce(gauged.to_pct >= core.full_pct(), true) as is_full,
        case when gauged.to_pct is null then 'assumed' else 'level' end as full_source
    from bought
    left join gauged using (tenant_id, provider, provider_txn_id, item_no)

),

driven as (

    -- Metres of each van from its first date to the beginning of each date.
    select
        tenant_id,
        vehicle_id,
        service_date as driven_date,
        first_fix_utc,
        coalesce(sum(distance_m) over (
            partition by tenant_id, vehicle_id order by service_date rows between unbounded preceding and 1 preceding
        ), 0) as before_m
    from core.vehicle_dates

),

revised as (

    select tenant_id, vehicle_id, service_date as driven_date, max((revision, revised_utc)) as revision
    from core.revisions
    group by all

)

-- Numbers in place of names: what is kept of a fill for the next time has nothing of who is forgotten.
select
    fills.*,
    driven.driven_date,
    driven.before_m,
    hash(fills.tenant_id, fills.vehicle_id) as van_hash,
    hash(
        $made_by, fills.tenant_id, fills.vehicle_id, fills.filled_utc, driven.driven_date, revised.revision
    ) as fill_hash
from fills
asof left join driven
    on fills.tenant_id = driven.tenant_id
    and fills.vehicle_id = driven.vehicle_id
    and fills.filled_utc >= driven.first_fix_utc
left join revised
    on revised.tenant_id = fills.tenant_id
    and revised.vehicle_id = fills.vehicle_id
    and revised.driven_date = driven.driven_date
