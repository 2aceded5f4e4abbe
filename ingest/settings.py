"""Which settings does the left half of the line read, and how are settings read at all?

Every setting is an environment variable `ODOGRAPH_<NAME>` or a line of `.env`.
They are read once, at the entry point, and handed down; library code never looks at the environment.
Everything that is wrong is reported together, by variable name, before anything is opened.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingest.logs import LogFormat
from ingest.stores import check_location, take_store_environment

PREFIX = "ODOGRAPH_"
BROKER_SCHEMES = ("mqtt", "mqtts")
DEFAULT_BROKER_URL = "mqtt://127.0.0.1:1883"  # where none is set
BROKER_QUERY = r"(version=(3\.1\.1|5))?"
CREDENTIALS = "user and password percent-encoded, port 1 to 65535"


class SettingsError(Exception):
    """Some settings do not fit; `problems` holds one line for each, by variable name."""

    heading = "Settings do not fit:\n"

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@cache
def is_known_zone(name: str) -> bool:
    """Whether a name is an IANA time zone; `localtime` and the like mean something else on every machine."""
    return name in available_timezones() - {"localtime"}


def check_url(value: str, schemes: Sequence[str], expected: str, *, query: str = "") -> None:
    """Raise ValueError where a URL is no address of a server, without any of it: it may hold a password.

    A password with a slash, `?` or `#` in it that is not percent-encoded ends where the path, query or fragment begins.
    """
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, 0
    if host is None or port == 0 or parts.scheme not in schemes:
        raise ValueError(f"expected {expected}, {CREDENTIALS}")
    if parts.path not in ("", "/") or parts.fragment or not re.fullmatch(query, parts.query):
        raise ValueError(f"expected {expected} and nothing after it, {CREDENTIALS}")


class IngestSettings(BaseSettings):
    """What the collector, the decoder and the lake need to know."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    data_dir: Path = Field(Path("data"), description="root of all state")
    lake_url: str | None = Field(
        None, description="where the lake is: s3://bucket/prefix or a folder; unset: lake/ under the data directory"
    )
    spool_url: str | None = Field(
        None,
        description="where collectors hand segments over to who loads them: s3://bucket/prefix; unset: nowhere",
    )
    shipped_days: float = Field(
        7, ge=0, description="days a collector keeps a segment that was handed over, where there is a spool URL"
    )
    plain: bool = Field(False, description="take the simple, slow path wherever there is a fast one beside it")
    broker_url: str | None = Field(
        None, description="mqtt:// or mqtts://, with user:password@ where needed", repr=False
    )
    embedded_broker: Literal["auto", "mosquitto", "amqtt"] = Field(
        "auto", description="which broker `demo` starts where no URL is set: mosquitto if installed, else amqtt"
    )
    broker_ca_file: Path | None = Field(None, description="certificate authority that signed the broker's key")
    broker_cert_file: Path | None = Field(None, description="our client certificate")
    broker_key_file: Path | None = Field(None, description="the key of our client certificate")
    broker_conf: Path | None = Field(
        None, description="mosquitto's configuration where it is on this machine, to see what it would drop"
    )
    collector: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] = Field(
        "main", description="name of this collector: its spool folder and its MQTT client id"
    )
    bucket: Annotated[str, Field(pattern=r"^[1-9]\d{0,3}/[1-9]\d{0,3}$")] | None = Field(
        None,
        description="of several collectors this one keeps the first of four parts of the senders with 1/4; unset: all",
    )
    shared_group: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] | None = Field(
        None, description="several collectors on one shared subscription of this name; needs MQTT 5"
    )
    clean_session: bool = Field(False, description="ask the broker to forget us when we are away")
    session_expiry_days: float = Field(7, gt=0, description="days the broker queues for an absent collector")
    commit_ms: float = Field(5, gt=0, le=1000, description="least milliseconds between group commits of the spool")
    seal_mib: float = Field(64, gt=0, description="a spool segment is sealed at this size, MiB")
    seal_s: float = Field(5, gt=0, description="a spool segment is sealed at this age, seconds")
    inbox_mib: float = Field(64, gt=0, description="bytes held in memory before they are on disk, MiB")
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="port of the collector's metrics page for Prometheus; unset: none"
    )
    metrics_host: str = Field("127.0.0.1", description="address the metrics page listens on; it asks for no password")
    log_format: LogFormat = Field("text", description="lines of the log: text, or json with one object a line")
    max_age_days: float = Field(30, ge=0, description="older fixes are quarantined, days; 0 turns the rule off")
    mappings: Path | None = Field(
        None,
        description="file or folder of mappings of foreign formats; unset: mappings/ under the data directory",
    )
    foreign_tenant: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,128}$")] = Field(
        "default", description="tenant of foreign formats whose mapping names none"
    )
    spool_max_gb: float | None = Field(
        None,
        gt=0,
        description="size of the spool at which loaded segments expire early; unset: 80 % of the disk",
    )
    timezone: str = Field("America/New_York", description="zone of a van whose depot is not known")

    @field_validator("broker_url")
    @classmethod
    def _known_scheme(cls, value: str | None) -> str | None:
        if value is not None:
            check_url(value, BROKER_SCHEMES, "mqtt://host[:port] or mqtts://host[:port]", query=BROKER_QUERY)
        return value

    @field_validator("lake_url")
    @classmethod
    def _known_place(cls, value: str | None) -> str | None:
        if value is not None:
            check_location(value)
        return value

    @field_validator("spool_url")
    @classmethod
    def _known_store(cls, value: str | None) -> str | None:
        if value is not None:
            check_location(value, needs_store=True)
        return value

    @field_validator("collector")
    @classmethod
    def _not_the_imports(cls, value: str) -> str:
        if value == "imports":
            raise ValueError("that is the spool folder of imported files; name the collector otherwise")
        return value

    @field_validator("bucket")
    @classmethod
    def _one_of_the_buckets(cls, value: str | None) -> str | None:
        if value is not None and int(value.split("/")[0]) > int(value.split("/")[1]):
            raise ValueError("expected a number and a count, such as 2/4")
        return value

    @field_validator("shared_group")
    @classmethod
    def _one_way_of_sharing(cls, value: str | None, others: ValidationInfo) -> str | None:
        if value is not None and others.data.get("bucket") is not None:
            raise ValueError("a collector with ODOGRAPH_BUCKET cannot be in a shared group as well")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if not is_known_zone(value):
            raise ValueError("not an IANA time zone such as America/New_York")
        return value

    @property
    def spool_dir(self) -> Path:
        return self.data_dir / "spool"

    @property
    def lake_root(self) -> str:
        """A folder or URL without a slash at its end; every lake table lies below it."""
        return (self.lake_url or str((self.data_dir / "lake").resolve())).rstrip("/")

    @classmethod
    def read(cls, **given: object) -> Self:
        """Read the environment and `.env`; raise SettingsError naming everything that is wrong."""
        take_store_environment(Path(str(cls.model_config["env_file"])))
        try:
            return cls(**given)  # type: ignore[arg-type]
        except ValidationError as error:
            raise SettingsError([_problem(detail) for detail in error.errors()]) from error


def _problem(detail: object) -> str:
    assert isinstance(detail, dict)
    name = PREFIX + "_".join(str(part) for part in detail["loc"]).upper()
    shown = "" if name.endswith("_URL") else f"={detail['input']!r}"
    return f"{name}{shown}: {detail['msg']}"
