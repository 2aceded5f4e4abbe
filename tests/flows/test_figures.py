"""Are figures of a measurement shown with their ratio, and goals judged the right way round?"""

import polars as pl
import pytest

from flows.bench.figures import Figure, Section, lines, number, write_csv

OURS = Figure("ours", 1_234_567, "points/s", "theirs", 41.4, 40)


@pytest.mark.parametrize(
    ("figure", "reached"),
    [
        (OURS, True),
        (OURS._replace(ratio=39.9), False),
        (OURS._replace(goal=None), None),
        (Figure("help", 0.31, "s", goal=0.3, most=True), False),
        (Figure("help", 0.3, "s", goal=0.3, most=True), True),
        (Figure("memory", 2.0, "GiB", "at first", 1.2, 1.3, most=True), True),
    ],
)
def test_a_goal_is_judged_by_the_ratio_where_there_is_one(figure: Figure, reached: bool | None) -> None:
    assert figure.is_reached is reached


def test_a_table_says_value_ratio_and_verdict() -> None:
    shown = lines([Section("kernels", [OURS, OURS._replace(ratio=3.0)], ["polars is not installed"])])
    assert shown[0] == "kernels"
    assert shown[4] == "| ours | 1,234,567 points/s | 41.4 x | theirs | ≥ 40 | reached |"
    assert shown[5].endswith("| 3 x | theirs | ≥ 40 | MISSED |")
    assert "polars is not installed" in shown


def test_every_figure_is_a_row_of_the_csv(tmp_path) -> None:
    write_csv([Section("a", [OURS]), Section("b", [Figure("x", 1.0, "s")])], tmp_path / "figures.csv")
    assert pl.read_csv(tmp_path / "figures.csv")["section"].to_list() == ["a", "b"]


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (0.0123, "0.0123"), (99.44, "99.4"), (12345.6, "12,346")])
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text
