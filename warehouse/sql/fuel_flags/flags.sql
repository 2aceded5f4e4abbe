-- fuel_flags: what was found and is not told better by another rule, with the rule, the line and the last review.

with

told as (

    select * replace (coalesce(lines, [provider || '/' || provider_txn_id || '/' || item_no]) as lines)
    from fuel_found

),

-- Whose facts are all of somebody else's, the first of them is, too: so few are compared.
by_line as (

    select tenant_id, rule_id, lines, unnest(lines) as line from told

),

kept as (

    select told.*
    from told
    join marts.fuel_rules as rules using (rule_id)
    where not exists (
        from by_line as better
        where better.tenant_id = told.tenant_id
            and better.line = told.lines[1]
            and list_contains(rules.yields_to, better.rule_id)
            and list_has_all(better.lines, told.lines)
    )

),

reviews as (

    select *
    from core.fuel_reviews
    qualify row_number() over (
        partition by tenant_id, provider, provider_txn_id, item_no, rule_id order by reviewed_utc desc
    ) = 1

)

select
    kept.tenant_id,
    kept.provider,
    kept.provider_txn_id,
    kept.item_no,
    lines.service_date,
    lines.at_utc as purchase_utc,
    kept.vehicle_id,
    rule_id,
    rules.version as rule_version,
    coalesce(kept.severity, rules.severity) as severity,
    coalesce(reviews.state, 'open') as state,
    lines.line_kind = 'pending' as is_provisional,
    kept.cost,
    case when kept.cost is not null then lines.currency end as currency,
    json_merge_patch(kept.evidence, json_object('thresholds', json_extract($thresholds::json, '$.' || rule_id))) as evidence,
    kept.explanation,
    reviews.reviewer,
    reviews.note,
    reviews.reviewed_utc,
    {
        'version': basis.version,
        'vehicle': basis.vehicle,
        'positions': basis.positions,
        'rule': md5(rules.version || rules.thresholds::varchar)
    } as basis

from kept
join marts.fuel_rules as rules using (rule_id)
join core.fuel_lines as lines using (tenant_id, provider, provider_txn_id, item_no)
join fuel_basis as basis using (tenant_id, provider, provider_txn_id, item_no)
left join reviews using (tenant_id, provider, provider_txn_id, item_no, rule_id)
