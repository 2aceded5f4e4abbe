"""Do the examples run, and do they print what they should? `make examples`.

The data are those of the cookbook (`tests/cookbook.py`), so the answers can be compared. Each example is a process of
its own in `.venv-examples`, told by ODOGRAPH_DATA_DIR where the data are. What it prints is compared with
`examples/expected`; `--write` writes that anew.
"""

import difflib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from flows.refresh import refresh
from flows.settings import Settings
from ingest.spool import Spool
from tests.builders import golden_points, positions, settings_in
from tests.cookbook import LAST_DATE, answer, demo_data

HERE = Path(__file__).parent
ROOT = HERE.parent
DBT_MODELS = ("late_routes", "van_weekdays")


class Failed(Exception):
    """An example ended with an error, or with something else than it should; says what."""


class Demo(NamedTuple):
    """The folder that examples write to, the environment they run in, and the settings of the data."""

    folder: Path
    environment: dict[str, str]
    settings: Settings

    def run(self, *command: str) -> str:
        """What a command printed; raise Failed with all it said where it ends with an error."""
        done = subprocess.run(command, cwd=HERE, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout


def script(*command: str) -> Callable[[Demo], str]:
    """An example that is one command; {folder} in it is the folder to write to."""
    return lambda demo: demo.run(*(word.replace("{folder}", str(demo.folder)) for word in command))


def exports(demo: Demo) -> str:
    """Write marts as files, and read them back."""
    folder = demo.folder / "exports"
    demo.run("bash", "exports.sh", str(folder))
    frames = {
        "fuel_exceptions.csv": pl.read_csv(folder / "fuel_exceptions.csv"),
        "route_days.xlsx": pl.read_excel(
            folder / "route_days.xlsx", read_options={"skip_rows": 1, "dtypes": "string"}
        ),  # below the names stand units
        "vehicle_days.parquet": pl.read_parquet(folder / "vehicle_days.parquet"),
    }
    return "".join(f"{name}: {frame.height} rows, {frame.width} columns\n" for name, frame in frames.items())


def notebook_as_a_page(demo: Demo) -> str:
    """Export the notebook with its charts, and find its headline in the page."""
    page = demo.folder / "notebook.html"
    demo.run("marimo", "export", "html", "notebook.py", "-o", str(page))
    headline = re.search(r"northwind, [^<]*? of engine-on time", page.read_text())
    return f"{headline[0]}\n" if headline else "no headline\n"


def dbt(demo: Demo) -> str:
    """Build the models, publish another generation, and build from that."""
    demo.run("dbt", "build", *_dbt_options(demo))
    first = _built_from(demo)
    with duckdb.connect(demo.environment["DBT_DUCKDB_PATH"], read_only=True) as built:
        tables = [f"{name}\n\n{answer(built, f'from {name} order by all')}" for name in DBT_MODELS]
    _publish_another_generation(demo.settings)
    demo.run("dbt", "run", "--select", "built_from", *_dbt_options(demo))
    second, newest = _built_from(demo), demo.settings.published_path.resolve().stem.removeprefix("odograph-")
    if not first < second == newest:
        raise Failed(f"dbt built from generation {first}, then {second}; the published one is {newest}")
    return "\n".join(tables)


def _dbt_options(demo: Demo) -> tuple[str, ...]:
    return ("--project-dir", "dbt", "--profiles-dir", "dbt", "--target-path", str(demo.folder / "dbt"), "--quiet")


def _built_from(demo: Demo) -> str:
    with duckdb.connect(demo.environment["DBT_DUCKDB_PATH"], read_only=True) as built:
        return str(built.execute("select generation_id from built_from").fetchall()[0][0])


def _publish_another_generation(settings: Settings) -> None:
    with Spool.open(settings.spool_dir / "main") as spool:
        noon = datetime(LAST_DATE.year, LAST_DATE.month, LAST_DATE.day, 12, tzinfo=UTC)
        spool.append([positions(golden_points(noon.timestamp()), device="late-1", tenant="contoso")])
    refresh(settings)


# The last one changes the data.
EXAMPLES: dict[str, Callable[[Demo], str]] = {
    "with_polars": script("python", "with_polars.py"),
    "with_pandas": script("python", "with_pandas.py"),
    "notebook": script("python", "notebook.py", "--pictures", "{folder}/pictures"),
    "notebook_as_a_page": notebook_as_a_page,
    "older_copy": script("python", "older_copy.py", "{folder}/older.duckdb"),
    "with_duckdb_cli": script("bash", "with_duckdb_cli.sh"),
    "with_daft": script("python", "with_daft.py"),
    "with_daft_distance": script("python", "with_daft_distance.py"),
    "exports": exports,
    "dbt": dbt,
}


def main(write: bool) -> int:
    """Run all; the number of those that are not as expected."""
    failed_count = 0
    with tempfile.TemporaryDirectory() as name, demo_data(Path(name) / "demo"):
        demo = demo_in(Path(name))
        for title, example in EXAMPLES.items():
            began_s = time.monotonic()
            found = difference(title, example, demo, write=write)
            print(f"{title:20} {time.monotonic() - began_s:5.1f} s  {found or 'as expected'}", flush=True)
            failed_count += bool(found)
    print(f"examples: {len(EXAMPLES) - failed_count} passed, {failed_count} failed")
    return failed_count


def demo_in(folder: Path) -> Demo:
    """Where the data of `folder/demo` are, for examples."""
    bins = [str(ROOT / name / "bin") for name in (".venv-examples", ".venv")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ODOGRAPH_", "DBT_"))}
    environment |= {
        "PATH": os.pathsep.join([*bins, environment.get("PATH", "")]),
        "DO_NOT_TRACK": "true",  # Daft and dbt tell their makers that they are used
        "ODOGRAPH_DATA_DIR": str(folder / "demo" / "data"),
        "DBT_DUCKDB_PATH": str(folder / "analysis.duckdb"),
        "DBT_LOG_PATH": str(folder / "dbt"),
    }
    return Demo(folder, environment, settings_in(folder / "demo" / "data", max_age_days=0))


def difference(title: str, example: Callable[[Demo], str], demo: Demo, *, write: bool = False) -> str:
    """What is not as expected, or nothing."""
    expected = HERE / "expected" / f"{title}.txt"
    try:
        printed = example(demo)
    except Failed as failed:
        return str(failed)
    if write:
        expected.write_text(printed)
    lines = difflib.unified_diff(
        expected.read_text().splitlines(), printed.splitlines(), "expected", "printed", lineterm=""
    )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(1 if main("--write" in sys.argv[1:]) else 0)
