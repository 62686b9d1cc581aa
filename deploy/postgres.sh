#!/usr/bin/env bash
# Makes sure that Postgres binaries are here: installs Debian's package where that is possible, else says what to do.
set -euo pipefail
for bin in "${PG_BIN:-}" "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/bin /usr/bin; do
	if [ -x "$bin/initdb" ] && [ -x "$bin/postgres" ]; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing Postgres (Debian's package postgresql)"
	if { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql; } >/tmp/orderly-apt.log 2>&1; then exit 0; fi
	echo "Postgres could not be installed; /tmp/orderly-apt.log says why" >&2
	exit 1
fi
echo "no Postgres was found: install it (Debian: apt-get install postgresql), or name its bin directory in PG_BIN" >&2
exit 1
