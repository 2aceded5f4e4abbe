"""What does a line of the log look like?

`text` is for people, `json` for machines that gather logs: one object a line with time (UTC, ISO 8601), level,
logger, message and the fields given as `extra`. Logs go to standard error. Neither payloads nor passwords are logged.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

LogFormat = Literal["text", "json"]

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
OWN_FIELDS = {*logging.LogRecord("", 0, "", 0, "", None, None).__dict__, "message", "asctime"}


class JsonFormatter(logging.Formatter):
    """One JSON object a record, always on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Put a record as JSON."""
        line: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in record.__dict__.items() if name not in OWN_FIELDS and name not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class _Ours(logging.StreamHandler[TextIO]):
    """Told apart from a handler that somebody else, such as a test, has put there."""


def log_to_stderr(level: int, log_format: LogFormat = "text") -> None:
    """Have everything of this level and above logged; may be called again once the settings are known.

    Where somebody else has set up logging, nothing is done.
    """
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(_Ours(sys.stderr))
    for handler in root.handlers:
        if isinstance(handler, _Ours):
            root.setLevel(level)
            handler.setFormatter(JsonFormatter() if log_format == "json" else logging.Formatter(TEXT))
