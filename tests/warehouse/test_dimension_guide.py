"""What `odograph import` says of its files is what it reads."""

from pathlib import Path

from typer.testing import CliRunner

from flows.cli import app
from flows.import_command import Dimension
from warehouse.dimension_columns import DIMENSIONS
from warehouse.dimension_guide import described, in_lines, page

PAGE = Path(__file__).parents[2] / "docs" / "imports.md"


def test_the_page_on_files_is_current():
    assert PAGE.read_text() == page(), "python -m warehouse.dimension_guide > docs/imports.md"


def test_every_column_of_every_file_has_its_type_unit_and_meaning():
    for dimension in DIMENSIONS.values():
        columns = list(described(dimension))
        assert [column.name for column in columns] == [column.name for column in dimension.columns]
        assert all(column.form and column.meaning for column in columns)
    tank = next(column for column in described(DIMENSIONS["vehicles"]) if column.name == "tank_l")
    assert (tank.form, tank.is_required) == ("number, litres", False)


def test_the_command_tells_the_columns_and_asks_for_a_file():
    told = CliRunner().invoke(app, ["import", "vehicles", "--columns"])
    assert told.output.strip() == in_lines(DIMENSIONS["vehicles"])
    assert "docs/fuel-cards.md" in CliRunner().invoke(app, ["import", "fuel-card", "--columns"]).output
    asked = CliRunner().invoke(app, ["import", "vehicles"])
    assert asked.exit_code == 2
    assert "--columns" in asked.output


def test_the_command_knows_every_kind_of_file():
    assert {kind.value for kind in Dimension} == {*DIMENSIONS, "fuel-card"}
