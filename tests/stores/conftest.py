"""A store for all tests of a process, started once; a bucket of its own for each."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pyarrow.fs as arrow_files
import pytest

SERVER = Path(__file__).parent / "server.py"
NAMES = ("AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Where an S3 server listens."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, str(SERVER)], stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        assert port, "the S3 server did not start"
        yield f"http://127.0.0.1:{port}"
        server.communicate()


@pytest.fixture(scope="module")
def store(address: str) -> Iterator[str]:
    """The server in the environment, with a key that it knows."""
    with pytest.MonkeyPatch.context() as given:
        for name, value in zip(NAMES, (address, "true", "us-east-1", "key", "secret"), strict=True):
            given.setenv(name, value)
        yield address


@pytest.fixture(scope="module")
def new_bucket(store: str) -> Callable[[str], str]:
    """Makes a bucket and returns its URL."""

    def made(prefix: str = "fleet") -> str:
        name = f"{prefix}-{uuid4().hex[:12]}"
        made_by, path = arrow_files.FileSystem.from_uri(f"s3://{name}?allow_bucket_creation=true")
        made_by.create_dir(path)
        return f"s3://{name}"

    return made


@pytest.fixture
def bucket(new_bucket: Callable[[str], str]) -> str:
    return new_bucket("fleet")
