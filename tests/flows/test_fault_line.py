"""The processes under test see the settings of the test, whatever the caller's folder holds."""

from random import Random
from types import SimpleNamespace

from flows.bench.faults.line import Line


def test_a_settings_file_of_the_callers_folder_does_not_reach_the_processes(tmp_path, monkeypatch):
    caller, folder = tmp_path / "caller", tmp_path / "folder"
    caller.mkdir()
    folder.mkdir()
    (caller / ".env").write_text("ODOGRAPH_LAKE_URL=postgresql://somebody/else\n")
    monkeypatch.chdir(caller)
    monkeypatch.setenv("ODOGRAPH_LAKE_URL", "postgresql://somebody/else")
    monkeypatch.setenv("PREFECT_API_URL", "http://somebody/else")
    line = Line(folder, SimpleNamespace(url="mqtt://127.0.0.1:1"), Random(1), [])
    line._kill(line._refresh)
    code = "import os, flows.settings as s; print(s.Settings.read().lake_url, os.environ.get('PREFECT_API_URL'))"
    (folder / "said.py").write_text(code)
    child = line._run("said", {}, "said")
    assert child.wait(60) == 0
    assert (folder / "said.log").read_text().split() == ["None", "None"]
