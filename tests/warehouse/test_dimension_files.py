"""Files of spreadsheets are read as they are, and what cannot be read is told by row."""

import pytest

from warehouse.dimension_columns import DIMENSIONS
from warehouse.dimension_files import Unreadable, file_rows
from warehouse.dimensions import ImportRefused, read_dimension

VEHICLES = [column.name for column in DIMENSIONS["vehicles"].columns]


def refused(folder, content: bytes, name: str = "vehicles.csv") -> list[tuple[int | None, str]]:
    (folder / name).write_bytes(content)
    with pytest.raises(ImportRefused) as raised:
        read_dimension(DIMENSIONS["vehicles"], folder / name)
    return raised.value.problems


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_capitals_spaces_and_other_separators_in_the_header_are_understood(tmp_path, separator):
    path = tmp_path / "vehicles.csv"
    lines = [
        ["Tenant ID", " VEHICLE_ID ", "Tank-L", "Colour, inside"],
        ["t1", "V1", "95", "blue\x85"],
        [],
        ["t1", "V2", "", ""],
    ]
    quoted = [[f'"{field}"' if "," in field else field for field in line] for line in lines]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(separator.join(line) for line in quoted).encode())
    rows = read_dimension(DIMENSIONS["vehicles"], path).select("vehicle_id", "tank_l", "extra", "row_no").rows()
    assert rows == [("V1", 95.0, '{"Colour, inside": "blue\\u0085"}', 1), ("V2", None, None, 3)]


def test_what_is_no_date_says_how_one_is_written_and_rows_of_which_the_key_is_bad_are_not_called_the_same(tmp_path):
    text = b"tenant_id,vehicle_id,valid_from\na/b,V1,\n../b,V1,\nt1,V1,01/02/2026\nt1,V1,\n"
    problems = refused(tmp_path, text)
    assert [row_no for row_no, _ in problems] == [1, 2, 3]
    assert problems[2][1] == "valid_from='01/02/2026': expected a date such as 2026-02-26"


def test_a_row_that_cannot_be_read_is_named_beside_the_other_bad_ones(tmp_path):
    text = b'tenant_id,vehicle_id,tank_l\nt1,V1,95\nt1,V2\nt1,V3,1,2\nt1,Jos\xe9,3\nt1,V5,x\n,,\nt1,"V6,4\nt1,V7,4\n'
    assert refused(tmp_path, text) == [
        (2, "2 fields, and the header has 3"),
        (3, "4 fields, and the header has 3"),
        (4, "not UTF-8; save the file as CSV in UTF-8"),
        (5, "tank_l='x': expected a number"),
        (6, "tenant_id: missing"),
        (6, "vehicle_id: missing"),
        (7, 'a quotation mark is not closed, or is inside a field that has none around it ("")'),
    ]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("v.csv", b"", "empty; the first line names the columns"),
        ("v.csv", "tenant_id,vehicle_id\nt1,V1\n".encode("utf-16"), "not a CSV file in UTF-8; save it as one"),
        ("v.csv", b"tenant_id,vehicle_id,v\xe9\n", "the line that names the columns: not UTF-8"),
        ("v.csv", b"vehicle_id,Vehicle ID\n", "columns that come twice: vehicle_id"),
        ("v.parquet", b"tenant_id", "not a Parquet file, or one with columns that are no text, numbers or times"),
        ("folder", None, "cannot be read: Is a directory"),
    ],
)
def test_a_file_that_is_something_else_says_so_in_a_sentence(tmp_path, name, content, expected):
    if content is None:
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Unreadable) as raised:
        file_rows(tmp_path / name, VEHICLES)
    assert str(raised.value) == expected


def test_an_area_longer_than_a_field_of_csv_usually_is_can_be_read(tmp_path):
    (tmp_path / "areas.csv").write_text('name,geometry\nA,"' + "1" * 200_000 + '"\n')
    assert len(file_rows(tmp_path / "areas.csv", ["geometry"]).text["geometry"].item()) == 200_000
