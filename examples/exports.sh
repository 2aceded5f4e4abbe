#!/usr/bin/env bash
# Marts as files: the suffix says the format, .parquet, .csv or .xlsx. Give it a folder.
set -euo pipefail
folder="${1:-exports}"
mkdir -p "$folder"
for file in vehicle_days.parquet fuel_exceptions.csv route_days.xlsx; do
    odograph query "marts.${file%.*}" --out "$folder/$file"
done
