-- Rows of the ledger of a van that stands, with the stand they belong to: driving and unknown time end one.

select *
from (
    select
        *,
        sum((state in ('drive', 'unknown'))::int) over (
            partition by {van} order by started_utc, ended_utc rows unbounded preceding
        ) as stand_no
    from {ledger}
)
where state not in ('drive', 'unknown')
