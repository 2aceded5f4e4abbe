"""`python -m flows.bench.kernels THREADS POINTS…`: measure with that many threads and print what was found as JSON."""

import json
import sys

from flows.bench.kernels.campaign import measured_here

threads, *sizes = map(int, sys.argv[1:])
outcome = measured_here(sizes, threads)
sections = [(section.title, list(map(list, section.figures)), section.notes) for section in outcome.sections]
print(json.dumps({"sections": sections, "holds": outcome.holds}))
