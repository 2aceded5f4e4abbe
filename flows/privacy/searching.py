"""Does a text stand anywhere under the data directory?

Every file is read as bytes; Parquet files, DuckDB files and mails also as what they say, because what they hold is
compressed. Slow and thorough: it is the proof of an erasure, not a way to find things.
"""

import re
from collections.abc import Iterator, Sequence
from email import message_from_bytes, policy
from html import unescape
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.connection import open_database

NAME_WORDS = 4  # names are compared as they are written, up to so many words


def found_in(folder: Path, texts: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """Each file below a folder that holds one of the texts, with that text."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        content = _content(path)
        for text in texts:
            if text.encode() in content:
                yield path, text


def phrases(path: Path) -> set[str]:
    """Every word that a file says, and every few words in a row: what may be an id or a name."""
    text = unescape(re.sub(r"<[^>]*>", "\n", _content(path).decode(errors="replace")))
    found = set()
    for line in text.splitlines():
        words = [word for word in re.split(r"[\s,;|\"()]+", line) if word]
        for first in range(len(words)):
            for count in range(1, min(NAME_WORDS, len(words) - first) + 1):
                phrase = " ".join(words[first : first + count])
                found |= {phrase, phrase.rstrip(".:!?")}
    return found


def _content(path: Path) -> bytes:
    raw = path.read_bytes()
    if path.suffix == ".parquet":
        return raw + _of_parquet(path)
    if path.suffix == ".duckdb":
        return raw + _of_duckdb(path)
    if path.suffix == ".eml":
        parts = message_from_bytes(raw, policy=policy.default).walk()
        return raw + "\n".join(str(part.get_content()) for part in parts if not part.is_multipart()).encode()
    if path.suffix == ".xlsx":
        return raw + _of_zip(path)
    return raw


def _of_parquet(path: Path) -> bytes:
    try:
        table = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowException):
        return b""
    said = []
    for name in table.column_names:
        for value in table[name].to_pylist():
            said.append(value if isinstance(value, bytes) else str(value).encode(errors="replace"))
    return b"\n".join(said)


def _of_duckdb(path: Path) -> bytes:
    with open_database(path, read_only=True) as connection:
        tables = connection.execute(
            'select format(\'"{}"."{}"\', schema_name, table_name) from duckdb_tables()'
            " where database_name = current_database()"
        ).fetchall()
        said = [str(row) for (table,) in tables for row in connection.execute(f"from {table}").fetchall()]
        said += [str(row) for row in connection.execute("select sql from duckdb_views() where not internal").fetchall()]
    return "\n".join(said).encode(errors="replace")


def _of_zip(path: Path) -> bytes:
    try:
        with ZipFile(path) as archive:
            return b"\n".join(archive.read(name) for name in archive.namelist())
    except BadZipFile:
        return b""
