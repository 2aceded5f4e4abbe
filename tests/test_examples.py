"""Do the examples, what is expected of them, and the page about them agree? What they print is for `make examples`."""

import re
from pathlib import Path

from examples.run import EXAMPLES

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "tools.md").read_text()
EXPECTED = {path.stem: path.read_text() for path in (ROOT / "examples" / "expected").glob("*.txt")}


def test_every_example_is_run_and_something_is_expected_of_it():
    files = {path.stem for path in (ROOT / "examples").iterdir() if path.suffix in (".py", ".sh")} - {"run"}
    assert files < EXAMPLES.keys()
    assert EXPECTED.keys() == EXAMPLES.keys()
    assert all(EXPECTED.values())


def test_the_page_names_every_example():
    names = {path.name for path in (ROOT / "examples").iterdir() if path.suffix in (".py", ".sh")} - {"run.py"}
    assert {name for name in names if name not in PAGE} == set()
    assert all(f"\n{name} " in PAGE for name in EXAMPLES)


def test_tables_on_the_page_are_what_the_examples_print():
    printed = "".join(EXPECTED.values()).splitlines()
    rows = re.findall(r"^\|.*\|$", PAGE, re.MULTILINE)
    assert len(rows) >= 7
    assert [row for row in rows if row not in printed] == []
