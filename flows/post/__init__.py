"""Post: who gets which report when, and how does each leave once?

`recipients` reads who is on the list, `states` who has left it (`unsubscribing`, `bounces`). `due` says what is to be
sent now, `desk` renders it and puts it into the `outbox`, `correcting` looks at what was sent before. `mail` makes a
message of a report, `sending` hands over what the outbox keeps, `smtp` says how a server is spoken to.
"""
