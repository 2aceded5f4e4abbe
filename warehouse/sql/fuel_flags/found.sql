-- fuel_found: what the selects of the rules gave, one row per line and rule; emptied and filled rule by rule.

create or replace temp table fuel_found (
    tenant_id varchar not null,
    provider varchar not null,
    provider_txn_id varchar not null,
    item_no integer not null,
    rule_id varchar not null,
    vehicle_id varchar,
    severity varchar,      -- null: that of the rule
    cost decimal(18, 6),
    lines varchar[],       -- whose fact it is; null: the line's own
    evidence json not null,
    explanation varchar not null
);
