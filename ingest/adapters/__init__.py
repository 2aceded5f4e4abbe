"""What do trackers, phones and platforms say that do not speak our own payload?

A source is one foreign format: the topics it is sent on, the tenant its vehicles belong to, and how its messages are
read. What it reads becomes native points and events, so every rule of `ingest.position_rules` holds for it as well.

    sources.py    which source a topic belongs to, and whose vehicles they are
    readings.py   what a source makes of a message; numbers, switches and times of other people's JSON
    mapping.py    a source described by a TOML file; those in `ingest/mappings` come with Odograph
    mapped.py     reading by such a description
    owntracks.py, openxc.py    what no mapping can say
"""
