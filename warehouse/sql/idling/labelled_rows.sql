-- What tells the runs, stretches and stands of a day's ledger apart, in its order (warehouse/idle_labels.py).

select
    van_no::bigint as van_no,
    state = 'idle' as is_idle,
    state not in ('drive', 'unknown') as is_standing,
    is_continued,
    is_pto,
    duration_us
from day_ledger
