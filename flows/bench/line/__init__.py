"""How fast is the whole path, from points in the lake to marts, and how much memory does it take?

A network day is made up and written straight into the lake, as upkeep would have left it. Then the line is measured
from the lake on, in a process of its own: the same functions that `odograph refresh` calls.
"""
