"""Where in sorted values does something begin?"""

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
