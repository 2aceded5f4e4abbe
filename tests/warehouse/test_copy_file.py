"""A large file is copied whole, past the page cache or not, and who cannot copy it says why."""

from pathlib import Path

import pytest

from warehouse.versions import copy_file

CONTENT = bytes(range(256)) * 41 + b"and no whole block"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "with a space.duckdb"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize("is_source_read", [True, False])
def test_a_copy_has_every_byte(source, tmp_path, is_source_read):
    copy_file(source, tmp_path / "copy", is_source_read=is_source_read)
    assert (tmp_path / "copy").read_bytes() == CONTENT


def test_where_the_page_cache_cannot_be_passed_it_is_copied_through_it(source, tmp_path, monkeypatch):
    (tmp_path / "dd").write_text("#!/bin/sh\necho no such flag >&2\nexit 1\n")
    (tmp_path / "dd").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    copy_file(source, tmp_path / "copy", is_source_read=True)
    assert (tmp_path / "copy").read_bytes() == CONTENT


def test_a_full_disk_is_named(source):
    with pytest.raises(OSError, match="No space left"):
        copy_file(source, Path("/dev/full"), is_source_read=True)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(OSError, match="gone"):
        copy_file(tmp_path / "gone.duckdb", tmp_path / "copy", is_source_read=False)
