"""Reports: from the published copy to a page with pictures and attachments; `flows.post` sends it.

`data` reads one day of one tenant (its SQL is in `sql/`); `measures` applies the coverage gate; `words`, `tiles`,
`attention` and `tables` say it in the reader's language and units; `pictures` draws (how all pictures look is in
`drawing`); `daily` gathers the parts and `page` puts them into the templates, whose frame and macros all reports share.
`rendered` is the finished page; `save` keeps it as files.
"""
