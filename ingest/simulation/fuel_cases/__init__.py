"""What goes wrong with fuel cards, and what only looks as if it did: one case of everything, with its truth.

    habits -> agenda (which case a van meets on which day) -> the day is lived -> writing (records and truth)

`faults` and `ghosts` are wrong on purpose: something at a pump, or a card used where the van was not. `innocent` are
records that a careless rule would accuse. A fault often brings flags of other rules with it, which are then right as
well: those are its consequences.
"""
