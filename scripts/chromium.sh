#!/usr/bin/env bash
# Make sure that the browser tests find Chromium: $CHROMIUM, or one on the PATH, or Debian's where we may install it.
set -euo pipefail

if [ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core && exit 0
fi
echo "No Chromium: browser tests are skipped. Install one, or set CHROMIUM to its path." >&2
