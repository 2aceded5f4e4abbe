"""Tables: from rows of the lake to numbers that a person reads.

    lake (views) -> staging (resolved, repeats removed) -> core (measured) -> marts -> checks -> published copy

One process writes, into a private DuckDB file; readers get a copy that is swapped in whole.
Models and checks are `.sql` files; Python here only says in which order they run.
Nothing here has heard of numba, Prefect or MQTT.
"""
