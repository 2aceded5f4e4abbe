"""The register only grows, says when it was changed behind our back, and outlives a crash in the middle of a line."""

import json
import stat
from threading import Thread

import pytest

from ingest.register import RegisterBroken, append_entry, read_register, register_path


def filled(folder, count=3):
    path = register_path(folder)
    for number in range(count):
        append_entry(path, "hold", {"subject_id": f"V{number}"}, by="ana")
    return path


def test_lines_come_back_in_order_and_only_we_may_read_them(tmp_path):
    path = filled(tmp_path)
    assert [(entry.number, entry.facts["subject_id"]) for entry in read_register(path)] == [
        (1, "V0"),
        (2, "V1"),
        (3, "V2"),
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("tamper", ["change", "remove", "insert", "swap"])
def test_a_line_that_was_changed_removed_inserted_or_moved_shows(tmp_path, tamper):
    path = filled(tmp_path)
    lines = path.read_text().splitlines()
    lines = {
        "change": [lines[0], lines[1].replace("V1", "V9"), lines[2]],
        "remove": [lines[0], lines[2]],
        "insert": [lines[0], lines[0], *lines[1:]],
        "swap": [lines[0], lines[2], lines[1]],
    }[tamper]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(RegisterBroken, match="line 2"):
        read_register(path)
    with pytest.raises(RegisterBroken):
        append_entry(path, "hold", {}, by="ana")


def test_a_torn_line_is_as_if_it_had_never_been_begun(tmp_path):
    path = filled(tmp_path, 2)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"number": 3, "by": "an')
    assert len(read_register(path)) == 2
    append_entry(path, "release", {"hold_id": "H1"}, by="ben")
    assert [entry.kind for entry in read_register(path)] == ["hold", "hold", "release"]
    assert path.read_bytes().startswith(whole)
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_those_who_append_at_once_wait_for_each_other(tmp_path):
    threads = [Thread(target=filled, args=(tmp_path, 5)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.number for entry in read_register(register_path(tmp_path))] == list(range(1, 21))
