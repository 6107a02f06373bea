#!/bin/sh
# Write packaging/requirements.txt: every dependency of pyproject.toml (all extras and the dev
# group) for every platform and every Python from 3.11, with hashes and without any address, so
# that it holds wherever a user's pip fetches from.
#
# Versions stay as they are locked unless --upgrade (or --upgrade-package NAME) is given.
set -eu
cd "$(dirname "$0")/.."

lock=packaging/requirements.txt
# Only maintainers need uv: it lives as long as this script.
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/pip" -q --disable-pip-version-check install uv

"$tools/bin/uv" pip compile pyproject.toml --all-extras --group dev \
    --universal --python-version 3.11 --generate-hashes --no-config \
    --no-annotate --no-emit-index-url --no-emit-find-links \
    --custom-compile-command "make lock" -q -o "$lock" "$@"

if grep -n '://' "$lock"; then
    echo "$lock names an address" >&2
    exit 1
fi
