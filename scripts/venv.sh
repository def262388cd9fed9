#!/usr/bin/env bash
# Create .venv with the given interpreter. Debian ships venv apart from Python: install it where we may.
set -euo pipefail
python=$1

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Nopal needs Python 3.11 or newer, which '$python' is not. Name another: make PYTHON=python3.12 setup" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "Python's venv module is missing. On Debian or Ubuntu: sudo apt-get install python3-venv" >&2
        exit 1
    fi
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends python3-venv
fi
exec "$python" -m venv .venv
