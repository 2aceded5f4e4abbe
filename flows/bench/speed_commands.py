"""The commands `odograph bench ingest`, `kernels` and `line`: how fast are we beside peers and the machine's limits?

Each prints tables of ratios measured in one run (`flows.bench.figures`). docs/performance.md discusses them.
"""
