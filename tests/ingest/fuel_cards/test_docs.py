"""What docs/fuel-cards.md says is so."""

import re
from pathlib import Path

from ingest.fuel_cards.choosing import built_in
from ingest.fuel_cards.mapping import FIELDS, read_mapping
from ingest.fuel_cards.products import code_sets
from ingest.fuel_cards.units import UNITS
from ingest.purchases import FLAGS

PAGE = (Path(__file__).parents[3] / "docs" / "fuel-cards.md").read_text()


def test_the_example_is_a_mapping(tmp_path):
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "corner.toml").write_text(example)
    assert read_mapping(tmp_path / "corner.toml").name == "corner"


def test_every_provider_field_unit_set_and_flag_is_named():
    (fields,) = re.findall(r"Fields: `(.*?)`", PAGE)
    assert set(fields.split()) == FIELDS
    for name in {*built_in(), *UNITS, *code_sets(), *FLAGS}:
        assert f"`{name}`" in PAGE, name
