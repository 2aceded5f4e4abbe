-- How many parts of a tenant differ from those their copy was made of, and how many there are.

select
    (
        select count(*) from (
            from (from temp.parts where tenant_id = $tenant or tenant_id is null)
            except
            from copy.staging.copied_parts
        )
    ) as changed,
    (select count(*) from temp.parts where tenant_id = $tenant or tenant_id is null) as parts
