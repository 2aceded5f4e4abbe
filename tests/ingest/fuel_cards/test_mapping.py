"""A mapping says everything or is refused, with a line for each thing it lacks."""

import pytest

from ingest.fuel_cards.choosing import FOLDER, built_in, chosen, mappings
from ingest.fuel_cards.mapping import MappingError, read_mapping
from ingest.settings import IngestSettings

SMALL = """
name = "corner"
[when]
column = "Date"
format = "%d/%m/%Y %H:%M"
zone = "Europe/Berlin"
[constants]
event_type = "post"
currency = "EUR"
unit = "l"
[fields]
provider_txn_id = "Receipt"
quantity = "Litres"
gross = "Total"
"""


def written(folder, text: str, name: str = "corner.toml"):
    path = folder / name
    path.write_text(text)
    return path


def settings_in(folder) -> IngestSettings:
    return IngestSettings(_env_file=None, data_dir=folder)


def test_the_mappings_that_come_with_odograph_fit_and_name_their_source():
    assert built_in().keys() >= {"wex", "samsara", "fleetio", "geotab", "cfn_pt", "cfn_pt_fixed", "stripe"}
    assert all(mapping.source and mapping.about for mapping in built_in().values())
    assert all(name == mapping.name for name, mapping in built_in().items())


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('gross = "Total"', 'gross = "Total"\nproduct_code = "Code"', "product_code needs a code_set, because a code"),
        ('currency = "EUR"\n', "", "currency is needed"),
        ('unit = "l"\n', "", "unit is needed beside quantity"),
        ('event_type = "post"\n', "", "event_type is needed"),
        ('event_type = "post"', 'event_type = "sale"', "constants.event_type: 'sale' is none of adjust, auth"),
        ('provider_txn_id = "Receipt"\n', "", "provider_txn_id is needed, or card_id"),
        ('zone = "Europe/Berlin"', 'zone = "Berlin"', "when: zone is offset"),
        ('format = "%d/%m/%Y %H:%M"', 'format = "dd/mm/yyyy"', "when: format 'dd/mm/yyyy' is none of iso"),
        ('gross = "Total"', 'gros = "Total"', "fields.gros: not a field; there are"),
        ('gross = "Total"', 'gross = { decimals = 2 }', "fields.gross: needs one of column, sum and join"),
        ('gross = "Total"', 'city = { column = "Total", sign = "negated" }', "sum, decimals and sign are for amounts"),
        ('name = "corner"', 'name = "corner"\nrequired = ["vin"]', "required: vin is no field"),
        ('name = "corner"', 'name = "corner"\nfile = { format = "fixed" }', "file: a fixed-width file needs positions"),
        ('name = "corner"', 'name = "corner"\nfile = { encoding = "klingon" }', "encoding 'klingon' is not known"),
        ('unit = "l"', 'unit = "l"\ncode_set = "wex"', "constants.code_set: 'wex' is none of conexxus"),
        ("[constants]", '[code_sets.own]\n"1" = "petrol"\n[constants]', "code_sets.own: 'petrol' is no product"),
    ],
)  # fmt: skip
def test_what_a_mapping_lacks_is_one_line(tmp_path, old, new, problem):
    assert old in SMALL
    with pytest.raises(MappingError) as refused:
        read_mapping(written(tmp_path, SMALL.replace(old, new)))
    assert any(line.startswith("corner.toml: ") and problem in line for line in refused.value.problems)


def test_everything_that_is_wrong_is_told_together(tmp_path):
    text = SMALL.replace('currency = "EUR"\n', "").replace('event_type = "post"\n', "")
    with pytest.raises(MappingError) as refused:
        read_mapping(written(tmp_path, text))
    assert len(refused.value.problems) == 2


def test_a_mapping_of_ones_own_goes_before_one_of_the_same_name(tmp_path):
    (tmp_path / "mappings" / FOLDER).mkdir(parents=True)
    written(tmp_path / "mappings" / FOLDER, SMALL.replace('"corner"', '"wex"'), "mine.toml")
    settings = settings_in(tmp_path)
    assert mappings(settings)["wex"].when.zone == "Europe/Berlin"
    assert chosen(settings, "anything", str(written(tmp_path, SMALL))).name == "corner"
    assert chosen(settings, "cfn", "cfn_pt_fixed").file.format == "fixed"
    with pytest.raises(MappingError, match="no mapping is called 'shell'; there are cfn_pt"):
        chosen(settings, "shell", None)
