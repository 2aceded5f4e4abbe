"""What could be done better, found in the published copy; `flows.report.actions` chooses among it.

Each module looks for one kind of thing and returns everything it weighed, with the reason where it is left.
"""
