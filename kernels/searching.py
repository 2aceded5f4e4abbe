"""Where in sorted values does something begin?

`first_at` halves what is left, wherever the place may be. The other two look for a place near to one that is known, in
steps that double: where it is some rows away, nothing is read that is not about to be.
"""

from kernels.compiled import light_part


@light_part
def first_at(values, low, high, least):
    """The first index from `low` on whose value is not below `least`; `high` where all are."""
    while low < high:
        middle = (low + high) // 2
        if values[middle] < least:
            low = middle + 1
        else:
            high = middle
    return low


@light_part
def first_behind(values, low, high, least):
    """As `first_at`, where the place is more likely near `high`."""
    reach = 1
    while high - reach > low and values[high - reach] >= least:
        reach *= 2
    return first_at(values, max(low, high - reach), high - reach // 2, least)


@light_part
def first_ahead(values, low, high, least):
    """As `first_at`, where the place is more likely near `low`."""
    reach = 1
    while low + reach < high and values[low + reach] < least:
        reach *= 2
    return first_at(values, low + reach // 2, min(low + reach, high), least)
