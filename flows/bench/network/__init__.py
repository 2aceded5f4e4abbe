"""How large a network does one machine carry, what does that take, and where does it bend?

A network's day is made up with what makes real ones awkward, put into the spool or the lake as it would have arrived,
and taken through the line stage by stage, each in a process of its own.
"""
