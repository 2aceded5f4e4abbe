"""Certificates that cannot be used: the collector ends at once, with one line that names the setting."""

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from ingest.collector import collect
from ingest.settings import IngestSettings, SettingsError
from tests.flows.certificates import Authority
from tests.ingest.running import CollectorProcess

URL = "mqtts://127.0.0.1:1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        assert "CI" not in os.environ, "openssl must be installed in continuous integration"
        pytest.skip("openssl is not installed")
    made = Authority(tmp_path_factory.mktemp("authority") / "ca")
    made.client("one")
    made.client("two")
    encrypt = ("openssl", "ec", "-aes256", "-passout", "pass:hush", "-in", "one.key", "-out", "encrypted.key")
    subprocess.run(encrypt, cwd=made.folder, check=True, capture_output=True)
    (made.folder / "text").write_text("no certificate\n")
    return made


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ca": "gone.crt"}, "ODOGRAPH_BROKER_CA_FILE='{}/gone.crt': No such file or directory"),
        ({"ca": "issued"}, "ODOGRAPH_BROKER_CA_FILE='{}/issued': Is a directory"),
        ({"ca": "text"}, "ODOGRAPH_BROKER_CA_FILE='{}/text': no certificate in it"),
        ({"cert": "one.crt"}, "ODOGRAPH_BROKER_CERT_FILE='{}/one.crt': no key in it, and ODOGRAPH_BROKER_KEY_FILE is"),
        ({"key": "one.key"}, "ODOGRAPH_BROKER_KEY_FILE='{}/one.key': the key of what? ODOGRAPH_BROKER_CERT_FILE is"),
        ({"cert": "one.crt", "key": "two.key"}, "ODOGRAPH_BROKER_KEY_FILE='{}/two.key': not the key of ODOGRAPH_BRO"),
        ({"cert": "one.crt", "key": "text"}, "ODOGRAPH_BROKER_KEY_FILE='{}/text': no key, or an encrypted one, for"),
        ({"cert": "one.crt", "key": "encrypted.key"}, "ODOGRAPH_BROKER_KEY_FILE='{}/encrypted.key': no key, or an enc"),
        ({"cert": "text", "key": "one.key"}, "ODOGRAPH_BROKER_CERT_FILE='{}/text': no certificate in it"),
        ({"cert": "one.crt", "key": "gone"}, "ODOGRAPH_BROKER_KEY_FILE='{}/gone': No such file or directory"),
    ],
)
def test_what_cannot_be_used_is_named_by_its_setting_and_leaves_no_spool(tmp_path, authority, given, said):
    files = {f"broker_{name}_file": authority.folder / file for name, file in given.items()}
    settings = IngestSettings.read(_env_file=None, data_dir=tmp_path, broker_url=URL, **files)
    with pytest.raises(SettingsError) as refused:
        collect(settings, threading.Event())
    assert len(refused.value.problems) == 1
    assert refused.value.problems[0].startswith(said.format(authority.folder))
    assert not settings.spool_dir.exists()


def test_the_collector_ends_with_the_status_of_a_wrong_setting(tmp_path: Path):
    collector = CollectorProcess(tmp_path, URL, broker_ca_file=tmp_path / "gone.crt").start(wait=False)
    assert collector.wait() == 2
    collector.follower.join()
    assert collector.log == [f"ODOGRAPH_BROKER_CA_FILE='{tmp_path}/gone.crt': No such file or directory"]
