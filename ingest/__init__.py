"""Messages in, files out.

    broker -> collector -> spool (raw bytes) -> decode -> lake (typed rows, rejects)

The collector keeps what arrives and acknowledges what is on disk; it never decodes.
Decoding happens later, from the spool, and can be run again.
The simulator and the replayer, which publish as vans do, live here too.
Nothing here has heard of DuckDB, numba or Prefect.
"""
