import pytest

from ingest.adapters.checking import checked, example_topic
from ingest.adapters.mapping import MappingError
from tests.ingest.adapters.foreign import DATA


def test_a_mapping_is_tried_on_messages_before_it_is_used():
    payload = (DATA / "payloads" / "traccar_client_minus_one.json").read_bytes()
    result = checked(DATA / "mappings" / "bridged.toml", [payload, b"{}"])
    (row,) = result.positions.to_pylist()
    assert (row["device_id"], row["speed_ckmh"], row["quality"]) == ("658765", None, "low")
    assert result.rejects["reason"].to_pylist() == ["missing_field"]


def test_the_topic_may_be_given(tmp_path):
    payload = (DATA / "payloads" / "envirocar_measurement.json").read_bytes()
    result = checked(DATA / "mappings" / "bridged.toml", [payload], topic="bridge/envirocar/car-7")
    assert result.positions["device_id"].to_pylist() == ["car-7"]
    elsewhere = checked(DATA / "mappings" / "bridged.toml", [payload], topic="b")
    assert elsewhere.rejects["reason"].to_pylist() == ["unknown_topic"]
    (tmp_path / "bad.toml").write_text("[[source]]")
    with pytest.raises(MappingError):
        checked(tmp_path / "bad.toml", [])


def test_an_example_topic_calls_each_level_by_its_name():
    assert example_topic("/hfp/+/{operator}/{vehicle}/#") == "/hfp/any/operator/vehicle/any"
