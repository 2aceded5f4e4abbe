"""Ingest beside its peers: how fast do bytes become columns, and columns durable files?

vans             what a made-up fleet says, as JSON and packed
decoders, whole  the sections
"""
