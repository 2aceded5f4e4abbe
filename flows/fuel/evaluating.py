"""Which van was there when fuel was bought? Everything about purchases that a refresh builds, in its order.

    lake.purchases -> core.fuel_lines -> core.fuel_presence -> marts.fuel_purchases
      -> marts.fuel_intervals, marts.fuel_balances -> marts.fuel_exceptions

Lines and marts are small and replaced whole, as versions may arrive for any date. The comparison with positions is
done again only for lines whose inputs changed: a new version, a station, an assignment, late positions.
"""

import logging

import duckdb

from flows.fuel.zones import zones_of
from flows.runners import Mapper
from flows.settings import Settings
from warehouse.consumption import build_consumption
from warehouse.fuel_exceptions import evaluate_rules
from warehouse.fuel_lines import replace_lines
from warehouse.models import build_whole
from warehouse.versions import generated_utc

logger = logging.getLogger(__name__)


def evaluate_fuel(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings, mapper: Mapper = map, *, is_kept: bool = False
) -> None:
    """Bring all that is said of purchases up to date with the lake and with core; `mapper` says who compares.

    `is_kept`: since the last time nobody but refreshes wrote the warehouse.
    """
    from flows.fuel.presence import evaluate_presence  # kernels, for which a refresh without news need not wait

    replace_lines(warehouse, settings.timezone, zones_of)
    since = generated_utc(settings.published_path.resolve())
    if compared := evaluate_presence(warehouse, settings, since, mapper):
        logger.info("%d fuel purchases compared with positions", compared)
    build_whole(warehouse)
    build_consumption(warehouse, is_kept=is_kept)
    evaluate_rules(warehouse)
