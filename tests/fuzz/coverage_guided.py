"""Which bytes take the decoders down a path that nobody has taken yet, and does one of them break a promise?

    python -m tests.fuzz.coverage_guided CORPUS -max_total_time=240

Needs `atheris`, which is no dependency of ours: see the README here. The first byte of an input chooses topic and
content type among those of the good messages, with which an empty corpus is filled; the rest is the payload.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ingest"]):
    from ingest.adapters.sources import Sources

from collections import Counter

from tests.fuzz.decoders import Seed, failures, received, seeds

SEEDS = seeds()
SOURCES = Sources()


def one_input(data: bytes) -> None:
    """Decode one message; an exception here ends the run and keeps the input."""
    if not data:
        return
    like = SEEDS[data[0] % len(SEEDS)]
    message = received(1, Seed(like.topic, data[1:], like.content_type))
    for age_days in (0.0, 30.0):
        found = failures([message], SOURCES, age_days, Counter())
        if found:
            raise AssertionError(found)


def main() -> None:
    """Fill an empty corpus and fuzz."""
    corpus = next((Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")), None)
    if corpus is not None:
        corpus.mkdir(parents=True, exist_ok=True)
        if not any(corpus.iterdir()):
            for number, seed in enumerate(SEEDS):
                (corpus / f"seed-{number}").write_bytes(bytes([number]) + seed.payload)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
