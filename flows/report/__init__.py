"""Reports: from the published copy to a page with pictures, an e-mail, and a record that it was sent once.

`data` reads one day of one tenant (its SQL is in `sql/`); `measures` applies the coverage gate; `words`, `tiles`,
`attention` and `tables` say it in the reader's language and units; `pictures` draws; `daily` puts the parts into the
templates. `rendered` is the finished page; `save` keeps it as files, `mail` makes a message of it and sends or files
it once (`smtp`, `outbox`).
"""
