"""How much is measured together? Apart from who measures, so that who only asks need not load kernels."""

CHUNK_POINTS = 3_000_000  # some 50 bytes each while they are measured, and as much again while the next are read
