-- Takes what was said about the purchases in erased_lines out of the tables that are kept; the tables that are built from
-- the lake are built again.

update core.fuel_flag_history set evidence = '{}', explanation = 'erased', basis = null
where (tenant_id, provider, provider_txn_id) in (from erased_lines);

update core.fuel_reviews set note = null
where (tenant_id, provider, provider_txn_id) in (from erased_lines);

delete from core.fuel_presence
where (tenant_id, provider, provider_txn_id) in (from erased_lines);

delete from core.fuel_evaluations
where (tenant_id, provider, provider_txn_id) in (from erased_lines);
