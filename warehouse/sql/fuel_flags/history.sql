-- New rows of core.fuel_flag_history: flags that came, changed or went since what was noted last.

with

noted as (

    select *
    from core.fuel_flag_history
    where change != 'reviewed'
    qualify row_number() over (
        partition by tenant_id, provider, provider_txn_id, item_no, rule_id order by changed_utc desc
    ) = 1

),

compared as (

    select
        tenant_id,
        provider,
        provider_txn_id,
        item_no,
        rule_id,
        case
            when noted.change is null then 'opened'
            when flags.state is null then 'closed'
            when noted.change = 'closed' then 'reopened'
            else 'changed'
        end as change,
        coalesce(flags.rule_version, rules.version, noted.rule_version) as rule_version,
        flags.state as flag_state,
        noted.state as noted_state,
        coalesce(flags.severity, noted.severity) as severity,
        coalesce(flags.is_provisional, noted.is_provisional) as is_provisional,
        coalesce(flags.explanation, noted.explanation) as explanation,
        coalesce(flags.evidence, noted.evidence) as evidence,
        coalesce(
            flags.basis,
            {
                'version': basis.version,
                'vehicle': basis.vehicle,
                'positions': basis.positions,
                'rule': md5(rules.version || rules.thresholds::varchar)
            }
        ) as basis,
        noted.basis as noted_basis,
        -- What a person was told counts, not the last digit of a distance.
        flags.severity is distinct from noted.severity
            or flags.explanation is distinct from noted.explanation
            or flags.rule_version is distinct from noted.rule_version
            or flags.is_provisional is distinct from noted.is_provisional as is_different,
        noted.change as noted_change
    from fuel_flags as flags
    full join noted using (tenant_id, provider, provider_txn_id, item_no, rule_id)
    left join marts.fuel_rules as rules using (rule_id)
    left join fuel_basis as basis using (tenant_id, provider, provider_txn_id, item_no)

),

reviews as (

    select tenant_id, provider, provider_txn_id, item_no, rule_id, arg_max(state, reviewed_utc) as state
    from core.fuel_reviews
    group by all

)

select
    compared.* exclude (flag_state, noted_state, noted_basis, is_different, noted_change),
    coalesce(flag_state, reviews.state, noted_state) as state,
    $now::timestamp as changed_utc,
    case
        when noted_change is null then 'first evaluation'
        when basis.rule is distinct from noted_basis.rule then 'rule version'
        when basis.version is distinct from noted_basis.version then 'later version'
        when basis.vehicle is distinct from noted_basis.vehicle then 'assignment'
        when basis.positions is distinct from noted_basis.positions then 'late GPS'
        else 'other'
    end as why

from compared
left join reviews using (tenant_id, provider, provider_txn_id, item_no, rule_id)
where change in ('opened', 'reopened')
    or (change = 'closed' and noted_change != 'closed')
    or (change = 'changed' and is_different)
