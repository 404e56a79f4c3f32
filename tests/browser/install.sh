#!/usr/bin/env bash
# Debian's Chromium, for the tests of the report's page: installed in continuous integration (CI=true)
# and nowhere else.
set -euo pipefail
if command -v chromium >/dev/null; then
    echo "a browser for the tests of pages: $(command -v chromium)"; exit 0
fi
if [ "${CI:-}" != true ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "no browser: apt-get install chromium, or set CI=true as root to have it installed"; exit 0
fi
echo "installing chromium"
export DEBIAN_FRONTEND=noninteractive
{ apt-get update && apt-get install --yes --no-install-recommends chromium; } \
    >/tmp/natriface-browser-apt.log 2>&1 \
    || { tail -3 /tmp/natriface-browser-apt.log; echo "no browser: it cannot be installed"; }
