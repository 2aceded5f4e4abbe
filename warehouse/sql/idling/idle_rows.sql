-- Idle rows of the ledger with the run they belong to: consecutive idle rows, however context, phase or route split
-- them. A change of the power take-off begins a run, but not a stretch.

select
    *,
    sum(duration_us) over (partition by {van}, run_no) as run_us
from (
    select
        *,
        sum((not is_continued)::int) over earlier as stretch_no,
        sum((not is_continued or is_pto != was_pto)::int) over earlier as run_no
    from (
        select
            *,
            lag(is_pto, 1, is_pto) over (partition by {van} order by started_utc, ended_utc) as was_pto
        from {ledger}
        where state = 'idle'
    )
    window earlier as (partition by {van} order by started_utc, ended_utc rows unbounded preceding)
)
