"""What happens where a backup from before an erasure is put back?

The warehouse notes the erasures it went through, the register knows all there were. Where the warehouse lacks some it
is older than they are, or new, and so may spool and lake be: before anything is loaded or published they are erased
again. Tombstones name nobody, so whoever the restored tables name is compared with
their digests.
"""

import logging

from flows.opening import opened_line
from flows.privacy.erasing import Plan, erase_everywhere, note_erasures
from flows.settings import Settings
from ingest.handed_over import forget
from ingest.lake_erasing import erase_from_lake
from ingest.reached import segments_reached
from ingest.register import read_register, register_path
from ingest.spool_erasing import erase_from_spools
from ingest.tombstones import read_tombstones
from warehouse.subjects import Subject, known_ids, known_of

logger = logging.getLogger(__name__)


def erase_again(settings: Settings) -> list[str]:
    """Erase once more what the warehouse was never told is erased; returns the erasures. The caller holds the lock."""
    entries = read_register(register_path(settings.data_dir))
    done = {entry.facts["erasure_id"] for entry in entries if entry.kind == "erased"}
    if not done:
        return []
    tombstones = read_tombstones(settings.data_dir)
    is_all = {f"E{entry.number}": bool(entry.facts.get("everything")) for entry in entries if entry.kind == "erase"}
    with opened_line(settings) as (warehouse, _):
        told = {row[0] for row in warehouse.execute("select erasure_id from core.erasures").fetchall()}
        missing = [stone for stone in tombstones.stones if stone.erasure_id in done - told]
        plans = []
        for stone in missing:
            for name in sorted(known_ids(warehouse, stone.tenant_id, stone.kind)):
                if tombstones.digest(stone.kind, stone.tenant_id, name) not in stone.subjects:
                    continue
                for period in [(None, None)] if stone.is_whole else stone.periods:
                    subject = Subject(stone.tenant_id, stone.kind, name, *period)
                    known = known_of(warehouse, subject, settings.timezone)
                    plans.append((stone.erasure_id, Plan(subject, known, is_all[stone.erasure_id], [])))
    if plans:
        logger.warning("restored data hold what was erased: erasing it again")
        erase_everywhere(settings, plans)
    elif missing:
        forget(settings, segments_reached(settings), kept_h=0)
        erase_from_spools(settings, tombstones)
        erase_from_lake(settings, tombstones)
    if missing:
        with opened_line(settings) as (warehouse, _):
            note_erasures(warehouse, (stone.erasure_id for stone in missing))
    return [stone.erasure_id for stone in missing]
