"""Where may the lake and handed-over segments lie besides this machine, and what does a person hear when that fails?

In S3-compatible storage, `s3://bucket/prefix`. Address and keys come from the standard environment (`AWS_ENDPOINT_URL`,
`AWS_REGION`, `AWS_ACCESS_KEY_ID`, …), which delta-rs and pyarrow read for themselves; nothing of them is a setting of
ours, so that no key stands in a setting, a flow's parameters or a log.
"""

import os
import re
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

REMOTE = "s3://"
LOCATION = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()=-]+)*/?")
# A store that is away is a matter of seconds here: the next refresh comes anyway. delta-rs would try for minutes.
DELTA_OPTIONS = {"max_retries": "3", "retry_timeout": "20s", "connect_timeout": "5s", "timeout": "60s"}
FAILURES = {  # what stores and their clients say, and what it means; the first that is found counts
    "NoSuchBucket|NO_SUCH_BUCKET|specified bucket does not exist": "there is no such bucket: make it, or correct the"
    " URL",
    "InvalidAccessKeyId|INVALID_ACCESS_KEY_ID|SignatureDoesNotMatch|SIGNATURE_DOES_NOT_MATCH|InvalidToken|"
    "UNRECOGNIZED_CLIENT|401 Unauthorized": "the store does not know this key: correct AWS_ACCESS_KEY_ID and"
    " AWS_SECRET_ACCESS_KEY",
    "AccessDenied|ACCESS_DENIED|403 Forbidden|HTTP response code 403": "this key may not do that: look at its rights"
    " on the bucket",
    "scheme is not allowed|URL scheme": "AWS_ENDPOINT_URL is http://, which is unprotected: AWS_ALLOW_HTTP=true allows"
    " it",
    "169.254.169.254|instance metadata": "there is no key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    r"\(Connect\)|NETWORK_CONNECTION|dns error|timed out|Connection re|error sending request": "it does not answer: is"
    " it up, and is AWS_ENDPOINT_URL right?",
    "NoSuchKey|NO_SUCH_KEY|does not exist|NotFound": "a file that should be there is not",
}


class StoreFailed(Exception):
    """A store did not do what it was asked; what was under way is done again by the next run."""


def is_remote(location: str | Path) -> bool:
    """Whether something lies in a store and not in a folder."""
    return str(location).startswith(REMOTE)


def check_location(value: str, *, needs_store: bool = False) -> None:
    """Raise ValueError where this is no place that all of the line can work with."""
    is_meant = needs_store or "://" in value
    if is_meant and (not LOCATION.fullmatch(value) or {".", ".."} & set(value.split("/"))):
        folder = "" if needs_store else " or a folder"
        raise ValueError(f"expected s3://bucket/prefix of letters, digits and !_.*'()=-{folder}")


def take_store_environment(env_file: Path) -> None:
    """Put the `AWS_…` lines of `.env` into the environment, where clients of stores look; what is there stays.

    So is the key of the file that AWS_SHARED_CREDENTIALS_FILE names, which not every client reads for itself.
    """
    if env_file.is_file():
        for name, value in dotenv_values(env_file).items():
            if name.startswith("AWS_") and value:
                os.environ.setdefault(name, value)
    if not os.environ.get("AWS_ACCESS_KEY_ID"):
        shared = ConfigParser(interpolation=None)
        shared.read(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", ()))
        profile = os.environ.get("AWS_PROFILE", "default")
        for name, value in shared.items(profile) if shared.has_section(profile) else ():
            if name.startswith("aws_"):
                os.environ[name.upper()] = value


def delta_options(location: str) -> dict[str, str] | None:
    """What delta-rs is told about a store beside the environment; None for a folder."""
    return dict(DELTA_OPTIONS) if is_remote(location) else None


def files_at(location: str) -> tuple[Any, str]:
    """The pyarrow file system of a store, and where in it the location is."""
    import pyarrow.fs as arrow_files  # a quarter of a second, and a line without a store never needs it

    with naming_store(location):
        system, path = arrow_files.FileSystem.from_uri(location.rstrip("/"))
        return system, path


@contextmanager
def naming_store(location: str) -> Iterator[None]:
    """Turn what goes wrong with a store into StoreFailed with one line; what goes wrong with a folder passes."""
    try:
        yield
    except StoreFailed:
        raise
    except Exception as error:
        if is_remote(location) and _is_of_client(error):
            raise StoreFailed(failure_line(location, error)) from error
        raise


def failure_line(location: str, error: BaseException, known: Mapping[str, str] = FAILURES) -> str:
    """One line about a store that failed."""
    said = re.sub(r"\x1b\[\d+m", "", str(error))
    for pattern, meaning in known.items():
        if re.search(pattern, said):
            return f"the store at {location}: {meaning}"
    return f"the store at {location} failed: {' '.join(said.split())[:300]}"


def _is_of_client(error: Exception) -> bool:
    """Whether delta-rs or pyarrow raised this: their errors are OSErrors, or their own."""
    return isinstance(error, OSError) or type(error).__module__.split(".")[0] in ("deltalake", "_internal", "pyarrow")
