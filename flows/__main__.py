"""`python -m flows …` is `odograph …`."""

from flows.cli import main

if __name__ == "__main__":  # worker processes of a local cluster import this, too
    main()
