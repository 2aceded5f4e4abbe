"""Which settings does the whole line read?

Those of `ingest` and, beside them, thresholds of measurement and where mail goes. `.env.example` lists them all.
"""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from ingest.settings import IngestSettings, check_url

SMTP_SCHEMES = ("smtp", "smtps", "smtp+starttls")


class Settings(IngestSettings):
    """Everything an `odograph` command may need."""

    memory_mib: int = Field(
        512,
        ge=256,
        description="memory of the database while a refresh runs, beside some 600 MiB for positions that are measured;"
        " what does not fit is written beside the warehouse meanwhile, MiB",
    )
    stop_kmh: float = Field(3, ge=0, description="standing up to this speed where the speed is GPS's, km/h")
    can_stop_kmh: float = Field(1, ge=0, description="the same where the speed is the vehicle's own, km/h")
    move_kmh: float = Field(5, gt=0, description="moving from this speed on; between the two nothing changes, km/h")
    gap_max_s: float = Field(300, gt=0, description="a longer silence is unknown time, seconds")
    tow_m: float = Field(200, gt=0, description="an engine-off van found further away moved unseen, metres")
    stop_min_s: float = Field(20, gt=0, description="the shortest stop that is listed, seconds")
    stop_radius_m: float = Field(25, gt=0, description="a stop is one place within this radius, metres")
    stop_match_m: float = Field(60, gt=0, description="a planned stop is served from within this distance, metres")
    site_radius_m: float = Field(75, gt=0, description="a stop is at a fuel station within this distance, metres")
    co2_factors: Literal["tailpipe", "inventory", "fossil"] = Field(
        "tailpipe", description="CO2 factors of the dates rebuilt from now on: tailpipe, inventory or fossil"
    )
    off_duty: Literal["suppress", "show"] = Field(
        "suppress",
        description="places outside the scheduled window: suppress or show; holds for dates rebuilt from now on",
    )
    off_duty_shown: str = Field("", description="tenants that show them all the same, comma separated")
    user: str | None = Field(None, description="who reads, for the access log; unset: the user of this machine")
    purpose: str | None = Field(None, description="why tracks are read, for the access log; unset: not stated")
    min_coverage: float = Field(0.8, ge=0, le=1, description="reports show n/a below this share of known time")

    tenant_copies: str = Field(
        "all", description="tenants with a copy of their own: all, none, or their names, comma separated"
    )
    tenant_lake: bool = Field(
        False,
        description="views over the lake in tenants' copies; their readers then have to be able to read its files,"
        " which hold the rows of all tenants",
    )
    network_copy: bool = Field(
        True, description="a copy with sums over fleets and depots, without vans, names or places"
    )

    runner: Literal["threads", "dask", "ray"] = Field(
        "threads", description="who decodes and measures: threads of this process, or a dask or ray cluster"
    )
    runner_address: str | None = Field(
        None,
        description="address of that cluster, such as tcp://scheduler:8786 or ray://head:10001; unset: one on this"
        " machine, for as long as a refresh runs",
    )
    partitions: int = Field(16, ge=1, le=10_000, description="parts by vehicle of a service date, for a cluster")

    serve_sql: Annotated[str, Field(pattern=r"^quack:[A-Za-z0-9.-]+(:\d{1,5})?$")] | None = Field(
        None, description="address on which `serve-sql` serves the published copy, such as quack:localhost"
    )
    serve_sql_token: str | None = Field(None, repr=False, description="what clients of `serve-sql` have to know")

    broker_log: Path | None = Field(
        None, description="mosquitto's log where it is on this machine, for `status` to count whom it refused"
    )
    smtp_url: str | None = Field(
        None,
        repr=False,
        description="smtp://, smtps:// or smtp+starttls://user:password@host:port; unset: .eml files",
    )
    mail_from: str = Field("odograph@localhost", description="sender of the reports")
    mail_to: str = Field("", description="recipients of the reports, comma separated")
    recipients: Path | None = Field(
        None,
        description="file that says who gets which report when; unset: recipients.toml in the data directory, and"
        " without that everybody above gets the daily report",
    )
    mail_contact: str = Field("", description="whom readers of reports may ask; empty: the sender")
    mail_unsubscribe: str = Field("", description="address that takes people off the list; empty: the sender")
    base_url: str | None = Field(
        None,
        description="https:// address of the page that takes people off the list by one click; unset: by mail only",
    )
    unsubscribe_host: str = Field("127.0.0.1", description="address that page listens on, behind your TLS proxy")
    unsubscribe_port: int = Field(8026, ge=0, le=65535, description="port of that page")
    mail_on_unknown: Literal["resend", "hold"] = Field(
        "resend",
        description="a mail that may have arrived, because the connection or we died before the server's answer:"
        " resend it under the same Message-ID, or hold it for a person",
    )
    mail_give_up_h: float = Field(24, gt=0, description="a mail that a server does not take is tried so long, hours")
    catch_up_days: float = Field(
        3, gt=0, le=30, description="reports missed in the last so many days are sent, and corrected, days"
    )
    report_wait_h: float = Field(
        6, ge=0, description="a report waits so long for its data; then who wants every report is told there is none"
    )
    mail_corrections: int = Field(3, ge=0, description="corrections of one report at most")
    mail_correction_gap_h: float = Field(2, ge=0, description="at least so long after the mail before, hours")
    report_tenant: str | None = Field(None, description="tenant whose report is scheduled; unset: each of them")
    refresh_cron: str = Field("*/15 * * * *", description="when `odograph serve` refreshes")
    upkeep_cron: str = Field(
        "30 3 * * *", description="when `odograph serve` merges and expires files, in the zone above"
    )
    report_cron: str = Field("0 6 * * *", description="when ODOGRAPH_MAIL_TO gets the daily report, in the zone above")
    post_cron: str = Field("*/5 * * * *", description="when `odograph serve` sends the reports that became due")
    alert_to: str = Field(
        "", description="who is mailed when a flow of `odograph serve` fails, comma separated; empty: nobody"
    )
    prefect_database_url: str | None = Field(
        None,
        repr=False,
        description="postgresql://user:password@host:port/database of the Prefect server; unset: SQLite",
    )

    @field_validator("smtp_url")
    @classmethod
    def _known_smtp(cls, value: str | None) -> str | None:
        if value is not None:
            check_url(value, SMTP_SCHEMES, "smtp://, smtps:// or smtp+starttls:// and a host")
        return value

    @field_validator("mail_from", "mail_unsubscribe", "alert_to")
    @classmethod
    def _known_addresses(cls, value: str, info: ValidationInfo) -> str:
        from flows.post.recipient_values import bare_address  # only where one is set: it brings the locales

        texts = value.split(",") if info.field_name == "alert_to" else [value]
        for text in texts if value.strip() or info.field_name == "mail_from" else []:
            bare_address(text.strip())
        return value

    @field_validator("refresh_cron", "upkeep_cron", "report_cron", "post_cron")
    @classmethod
    def _known_cron(cls, value: str) -> str:
        from flows.post.schedules import cron_of

        return cron_of(value, "0 6 * * *")

    @field_validator("base_url")
    @classmethod
    def _is_https(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._~-]+)*/?", value):
            raise ValueError("expected https://, a host and at most a path")
        return value

    @field_validator("prefect_database_url")
    @classmethod
    def _known_database(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            if parts.scheme != "postgresql" or not parts.hostname:
                raise ValueError("expected postgresql:// with a host and the name of a database")
        return value

    @property
    def warehouse_path(self) -> Path:
        return self.data_dir / "warehouse.duckdb"

    @property
    def lock_path(self) -> Path:
        return self.data_dir / "warehouse.lock"

    @property
    def published_dir(self) -> Path:
        return self.data_dir / "published"

    @property
    def published_path(self) -> Path:
        return self.published_dir / "odograph.duckdb"

    @property
    def known_dir(self) -> Path:
        """What one refresh leaves for the next, not for readers."""
        return self.data_dir / "known"

    @property
    def tenants_dir(self) -> Path:
        return self.published_dir / "tenants"

    @property
    def mail_dir(self) -> Path:
        return self.data_dir / "mail"

    @property
    def reports_dir(self) -> Path:
        return self.data_dir / "reports"

    @property
    def metrics_path(self) -> Path:
        return self.data_dir / "metrics" / "refresh.prom"

    @property
    def off_duty_tenants(self) -> list[str]:
        """Tenants that show places outside the scheduled window."""
        return [tenant.strip() for tenant in self.off_duty_shown.split(",") if tenant.strip()]

    @property
    def recipients_path(self) -> Path:
        return self.recipients or self.data_dir / "recipients.toml"

    @property
    def has_recipients_file(self) -> bool:
        """Whether a file of recipients decides; one that is named does even where it is missing."""
        return self.recipients is not None or self.recipients_path.exists()

    @property
    def recipient_events_path(self) -> Path:
        return self.mail_dir / "recipients.jsonl"

    @property
    def asked_at(self) -> str:
        """Whom readers of reports may ask."""
        return self.mail_contact or self.mail_from

    @property
    def mailed_to(self) -> list[str]:
        """The addresses of ODOGRAPH_MAIL_TO."""
        return [address.strip() for address in self.mail_to.split(",") if address.strip()]
