#!/usr/bin/env bash
# DuckDB's own command line. A published copy needs DuckDB 2.0 or newer; an older program is given an older file.
set -euo pipefail
published="${ODOGRAPH_DATA_DIR:-data}/published/odograph.duckdb"

if ! duckdb -readonly "$published" -c "select 1" >/dev/null 2>&1; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    published="$folder/for_older_duckdb.duckdb"
    python "$(dirname "$0")/older_copy.py" "$published"
fi

duckdb -readonly "$published" -markdown -c "
    select vehicle_id, round(sum(idle_s) / 3600, 2) as idle_h, round(sum(idle_s) / sum(engine_on_s), 3) as idle_share
    from marts.vehicle_days
    where tenant_id = 'northwind'
    group by all
    order by idle_h desc"
