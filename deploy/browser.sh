#!/usr/bin/env bash
# Makes sure that a browser is here, for the tests that look at pages, and prints where it is: installs Debian's package where that
# is possible, else says what to do.
set -euo pipefail
for name in "${BROWSER_BIN:-}" chromium chromium-browser google-chrome \
	/Applications/Chromium.app/Contents/MacOS/Chromium "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
	# A program of that name that only tells how to get the browser has no version.
	if bin=$(command -v "$name") && "$bin" --version >/dev/null 2>&1; then
		echo "$bin"
		exit 0
	fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing a browser for the tests (Debian's package chromium)" >&2
	if { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } >/tmp/orderly-apt-browser.log 2>&1; then
		command -v chromium
		exit 0
	fi
	echo "the browser could not be installed; /tmp/orderly-apt-browser.log says why" >&2
	exit 1
fi
echo "no browser was found: install Chromium (Debian: apt-get install chromium), or name its program in BROWSER_BIN" >&2
exit 1
