"""The weekly report of a tenant: what changed, what it costs, and what to do about it.

`data` reads the week and the seven before it (its SQL is in `sql/weekly/`), `rows` types what was read; `measures` says
which figures may be shown, `scorecard` sets them beside last week and the usual one; `words` is the subject and the
verdict; `routes`, `economy`, `fuel`, `tables`, `pictures` with `captions` are the rest; `vans` is what is attached.
"""
