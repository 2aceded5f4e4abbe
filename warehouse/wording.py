"""When does a file get its words: comments on all it holds, and views in display units?

Once, and again when the words or what they describe have changed: a thousand comments take a quarter of a second, and
a copy of a file has them already.
"""

from hashlib import sha256

import duckdb

from warehouse.connection import sql, transaction
from warehouse.dictionary import add_comments, add_dictionary, dictionary
from warehouse.display import CONVERSIONS, LEFT_OUT, SHOWN, add_display_views


def add_words(connection: duckdb.DuckDBPyConnection) -> None:
    """Define the display views and comment on everything, unless these very words are there already."""
    digest, lake = _digest(connection), _lake_stamp(connection)
    connection.execute(
        "create table if not exists core.words_stamp (digest varchar not null, lake_digest varchar not null)"
    )
    known = connection.execute("from core.words_stamp").fetchall()
    # The stamp is a row like any other: where rows were copied, and not the file, it came without what it stands for.
    has_views = connection.execute(
        "select count(*) from duckdb_views() where database_name = current_database() and schema_name = 'us'"
    ).fetchall()[0][0]
    if known == [(digest, lake)] and has_views:
        return
    with transaction(connection):
        if not has_views or [row[0] for row in known] != [digest]:
            add_display_views(connection)
            add_dictionary(connection)
        add_comments(connection)
        connection.execute("delete from core.words_stamp")
        connection.execute("insert into core.words_stamp values ($digest, $lake)", {"digest": digest, "lake": lake})


def _lake_stamp(connection: duckdb.DuckDBPyConnection) -> str:
    """Which views over the lake there are; views made anew have no comments."""
    found = connection.execute(
        "select count(*) from duckdb_tables() where database_name = current_database()"
        " and schema_name = 'staging' and table_name = 'lake_stamp'"
    ).fetchall()[0][0]
    return str(connection.execute("from staging.lake_stamp").fetchall()) if found else ""


def _digest(connection: duckdb.DuckDBPyConnection) -> str:
    """What the words depend on: the texts, the conversions, and which views the models have made."""
    words = dictionary()
    texts = (sql("schema.sql"), sql("dictionary.sql"), words.entries, words.common, SHOWN, CONVERSIONS, LEFT_OUT)
    models = connection.execute("from core.models_stamp").fetchall()
    return sha256(repr((texts, models)).encode()).hexdigest()
