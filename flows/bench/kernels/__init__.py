"""How fast are the kernels, beside the rate at which this machine reads their columns, and beside other engines?

fleet       the days that all of them look at
reading     the limit: every column read once
rivals      time in each state by polars, DuckDB, pandas and an obvious loop
geography   MovingPandas and trackintel, at sizes they can do
arriving    rows into order, repeats dropped, beside other engines
ledger_pass the full ledger pass, and the same runs by DuckDB
first_call  the first answer of a fresh process
campaign    all of it, with one thread and with two
"""
