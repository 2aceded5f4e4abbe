"""Post: who gets which report when, and how does each leave once?

`mail` makes a message of a finished report; `outbox` keeps it and remembers what became of it; `sending` hands over
what is due, `smtp` says how a server is spoken to.
"""
