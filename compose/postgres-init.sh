#!/usr/bin/env bash
# Runs once, when the database cluster is made: one database and one role per service, closed to each other.
set -euo pipefail
for name in ingest notify; do
  psql -v ON_ERROR_STOP=1 -v name="$name" -v password="$(cat "/run/paybell/$name-password")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
