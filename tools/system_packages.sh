#!/usr/bin/env bash
# Install Debian packages that are missing; without root, say which and go on.
# usage: tools/system_packages.sh [PACKAGE...]      (default: what the tests need)
set -euo pipefail

if [ $# -eq 0 ]; then
    # The browser that the end-to-end tests drive, the program that reads files of nfcapd, and the
    # broker and the database that alerts go to.
    set -- chromium nfdump mosquitto postgresql
fi

missing=()
for package in "$@"; do
    if command -v "$package" >/dev/null; then
        continue
    fi
    if [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" != "install ok installed" ]; then
        missing+=("$package")
    fi
done
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "EdgeGuard: missing ${missing[*]}; as root run 'apt-get install ${missing[*]}'. Tests that need it are skipped." >&2
    exit 0
fi

echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
quietly() {
    local log
    log="$(mktemp)"
    if ! "$@" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}
if ! quietly apt-get update || ! quietly apt-get install -y --no-install-recommends "${missing[@]}"; then
    echo "EdgeGuard: apt-get could not install ${missing[*]} (reason above); going on without." >&2
fi
