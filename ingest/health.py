"""What did the collector of a spool last say about itself? A note in the spool's folder."""

import json
import logging
from pathlib import Path
from typing import NamedTuple

from ingest.durable import FILE_MODE

logger = logging.getLogger(__name__)

HEALTH = "health"


class Health(NamedTuple):
    """What a collector last said about itself; instants are Unix time, seconds."""

    written_s: float
    disconnected_s: float  # how long it has had no connection to the broker; 0 with one
    last_message_s: float | None
    reconnect_count: int
    write_error: str | None
    clock_jump_count: int


def write_health(folder: Path, health: Health) -> None:
    """Leave a note in the spool folder; where the disk is full the old one stays, and its age tells."""
    part_path = folder / f"{HEALTH}.new"
    try:
        part_path.write_text(json.dumps(health._asdict()))
        part_path.chmod(FILE_MODE)
        part_path.rename(folder / HEALTH)
    except OSError as error:
        logger.debug("no note in %s: %s", folder, error)


def read_health(folder: Path) -> Health | None:
    """Read what the collector of a spool last said about itself; None where it said nothing readable."""
    try:
        return Health(**json.loads((folder / HEALTH).read_text()))
    except (OSError, ValueError, TypeError):
        return None
