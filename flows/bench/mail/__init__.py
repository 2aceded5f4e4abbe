"""Does each mail arrive once, whatever the mail server does, and whenever we are killed?

`server` is a mail server with faults, `client` sends a batch through the outbox as reports are sent, `campaign` kills
and restarts the client for minutes and counts what arrived.
"""
