"""The monthly report of a tenant: what routes, stops and miles cost, what they emit, and which vans are not needed.

`data` reads the month, the one before and the same of last year (its SQL is in `sql/monthly/`), `rows` types what was
read; `measures` sets the figures side by side; `words` is the subject and the verdict; `tables` and `pictures` hold the
rest; `attached` is for those who calculate; `page` puts the parts in order.
"""
