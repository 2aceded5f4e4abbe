"""Post: who gets which report when, and how does each leave once?

`mail` makes a message of a finished report and sends or files it once; `smtp` hands a mail to a server; `outbox`
remembers what has left.
"""
