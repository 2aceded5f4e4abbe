"""`python -m flows …` is `odograph …`."""

from flows.cli import main

main()
