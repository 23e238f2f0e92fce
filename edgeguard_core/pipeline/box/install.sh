#!/bin/sh
# Install EdgeGuard on this box from the package that edgeguard deploy wrote; needs no compiler.
# Running it again changes what is not as the package says, and nothing else.
set -eu
umask 022

usage() {
    cat <<'USAGE'
usage: sh install.sh [OPTIONS]
  --key PUB         refuse the package unless this public key signed it (needs openssl)
  --with LIST       also capture, mqtt, store, postgres; separated by commas
  --wheels DIR      take Python packages from this folder alone; default: wheels/ if it is there
  --python PROGRAM  a Python 3.11, 3.12 or 3.13; default: the first one found
  --force-bundle    put the package's bundle in use although a newer one is
  --no-start        do not enable and start the service
  --root DIR        install below DIR, without user and service: to look before one leaps
  --uninstall       remove program and service; settings and alerts stay
  --purge           with --uninstall: remove settings, alerts, bundles and the user, too
USAGE
}

say() { printf '%s\n' "edgeguard: $*"; }
fail() {
    printf '%s\n' "edgeguard: $*" >&2
    exit 2
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
root='' key='' with='' wheels='' python='' force='' start=yes uninstall='' purge=''
need() { [ $# -ge 2 ] || fail "$1 needs a value; see --help"; }
while [ $# -gt 0 ]; do
    case $1 in
        --key) need "$@"; key=$2; shift 2 ;;
        --with) need "$@"; with=$2; shift 2 ;;
        --wheels) need "$@"; wheels=$2; shift 2 ;;
        --python) need "$@"; python=$2; shift 2 ;;
        --root) need "$@"; root=$2; shift 2 ;;
        --force-bundle) force=--force; shift ;;
        --no-start) start=''; shift ;;
        --uninstall) uninstall=yes; shift ;;
        --purge) purge=yes; shift ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; fail "unknown option $1" ;;
    esac
done

case $root in
    '') [ "$(id -u)" -eq 0 ] || fail "run this as root, or with --root DIR to try it elsewhere" ;;
    /*) mkdir -p -- "$root" ;;
    *) mkdir -p -- "$root"; root=$(CDPATH='' cd -- "$root" && pwd -P) ;;
esac
program=$root/opt/edgeguard
settings=$root/etc/edgeguard
state=$root/var/lib/edgeguard
unit=$root/etc/systemd/system/edgeguard.service

has_systemd() { [ -z "$root" ] && command -v systemctl >/dev/null 2>&1; }

remove() {
    if has_systemd; then
        systemctl disable --now edgeguard.service >/dev/null 2>&1 || true
    fi
    rm -f -- "$unit"
    if has_systemd; then systemctl daemon-reload || true; fi
    rm -rf -- "$program"
    if [ -n "$purge" ]; then
        rm -rf -- "$settings" "$state"
        if [ -z "$root" ] && id edgeguard >/dev/null 2>&1; then
            userdel edgeguard 2>/dev/null || deluser edgeguard 2>/dev/null || true
        fi
        say "removed, with its settings, bundles and alerts"
    else
        say "removed; $settings and $state stay (--purge removes them)"
    fi
}
if [ -n "$uninstall" ]; then
    remove
    exit 0
fi
[ -z "$purge" ] || fail "--purge goes with --uninstall"

# -- the package is whole, and from whom it should be -------------------------------------------

cd -- "$here"
[ -f SHA256SUMS ] || fail "$here holds no package: SHA256SUMS is missing"
if [ -n "$key" ]; then
    [ -f "$key" ] || fail "there is no key $key"
    [ -f SHA256SUMS.sig ] || fail "the package is not signed, and --key demands it"
    command -v openssl >/dev/null 2>&1 || fail "--key needs openssl, which is not installed here"
    openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig \
        >/dev/null 2>&1 || fail "the package is not signed by $key; get it again from where it was made"
fi
sha256sum -c SHA256SUMS >/dev/null 2>&1 ||
    fail "the package is damaged (sha256sum -c SHA256SUMS says where); copy it again"

# A file that the sums do not name was added by somebody else, such as a key of his.
listed() {
    grep -qxE "[0-9a-f]{64}  $(printf '%s' "$1" | sed 's/[.]/[.]/g')" SHA256SUMS ||
        fail "$1 was added to the package (SHA256SUMS does not list it); copy it again"
}
for file in keys/*.pub edgeguard-*.whl requirements-*.txt; do
    [ ! -e "$file" ] || listed "$file"
done
for file in bundle.zip edgeguard.service edgeguard.yaml install.sh; do listed "$file"; done

# -- this box can run it ------------------------------------------------------------------------

machine=$(uname -m)
case $machine in
    x86_64 | aarch64) ;;
    *) fail "there are no packages for $machine here; x86_64 and aarch64 (64-bit ARM) are answered for" ;;
esac
fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}
if [ -n "$python" ]; then
    fits "$python" || fail "$python is no Python 3.11, 3.12 or 3.13"
else
    for candidate in python3 python3.13 python3.12 python3.11; do
        if fits "$candidate"; then
            python=$candidate
            break
        fi
    done
    [ -n "$python" ] || fail "no Python 3.11, 3.12 or 3.13 is here; install one, or name it with --python"
fi
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "Python's venv module is incomplete; on Debian run: apt-get install python3-venv"

lists=requirements-edge.txt
for extra in $(printf '%s' "$with" | tr ',' ' '); do
    [ -f "requirements-$extra.txt" ] && [ "$extra" != edge ] ||
        fail "--with knows capture, mqtt, store and postgres, not $extra"
    # What postgres needs holds what store needs.
    case ",$with,$extra" in *,postgres,*,store) continue ;; esac
    lists="$lists requirements-$extra.txt"
done
[ -n "$wheels" ] || { [ ! -d wheels ] || wheels=$here/wheels; }
[ -z "$wheels" ] || [ -d "$wheels" ] || fail "there is no folder $wheels"

# -- program ------------------------------------------------------------------------------------

for wheel in edgeguard-*-py3-none-any.whl; do [ -f "$wheel" ] || fail "the wheel is missing"; done
mkdir -p -- "$program" "$settings/keys" "$state/bundles" "$(dirname -- "$unit")"
version=$("$python" -c 'import sys; print(sys.version)')
# shellcheck disable=SC2086  # a list of file names without spaces
id=$({ cat $lists "$wheel"; printf '%s' "$version $machine"; } | sha256sum | cut -c 1-12)
environment=$program/venv-$id
if [ ! -f "$environment/complete" ]; then
    say "installing Python packages into $environment"
    rm -rf -- "$environment"
    trap 'rm -rf -- "$environment"' EXIT
    trap 'exit 130' INT TERM HUP
    "$python" -m venv -- "$environment"
    set -- --quiet --disable-pip-version-check --no-input --only-binary :all: --no-deps
    [ -z "$wheels" ] || set -- "$@" --no-index --find-links "$wheels"
    for list in $lists; do set -- "$@" -r "$list"; done
    "$environment/bin/python" -m pip install --require-hashes "$@" ||
        fail "the packages could not be installed (reason above); nothing was changed"
    # Its hash was checked above, with that of every other file of the package.
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --no-index "./$wheel" || fail "the wheel could not be installed (reason above)"
    # An environment never changes once it is made, so nothing needs an installer in it.
    "$environment/bin/python" -m pip uninstall --quiet --yes --disable-pip-version-check \
        setuptools pip 2>/dev/null || true
    : >"$environment/complete"
    trap - EXIT INT TERM HUP
fi

# -- user, settings, keys -----------------------------------------------------------------------

if [ -z "$root" ] && ! id edgeguard >/dev/null 2>&1; then
    if command -v useradd >/dev/null 2>&1; then
        useradd --system --user-group --home-dir /var/lib/edgeguard --no-create-home \
            --shell /usr/sbin/nologin edgeguard
    else
        adduser -S -D -H -h /var/lib/edgeguard -s /sbin/nologin edgeguard
    fi
fi
if [ -f "$settings/edgeguard.yaml" ]; then
    say "kept $settings/edgeguard.yaml"
else
    cp -- edgeguard.yaml "$settings/edgeguard.yaml"
    chmod 640 "$settings/edgeguard.yaml"
fi
for public in keys/*.pub; do
    [ -f "$public" ] || continue
    cp -- "$public" "$settings/keys/"
    chmod 644 "$settings/keys/$(basename -- "$public")"
done

# -- bundle: verified, proved on this very box, put in use ---------------------------------------

set -- bundle.zip --folder "$state/bundles"
for public in "$settings"/keys/*.pub; do
    if [ -f "$public" ]; then
        set -- "$@" --keys "$settings/keys"
        break
    fi
done
[ -z "$force" ] || set -- "$@" "$force"
"$environment/bin/python" -m edgeguard_core.watch.installing "$@" ||
    fail "the bundle was refused (reason above); what ran here before still does"

if [ -z "$root" ]; then
    chown -R edgeguard:edgeguard "$state"
    chown -R root:edgeguard "$settings"
fi
chmod 750 "$state" "$settings"

# -- service ------------------------------------------------------------------------------------

ln -s "venv-$id" "$program/.current.new.$$"
mv -T -- "$program/.current.new.$$" "$program/current" 2>/dev/null || {
    # busybox and BSD have no mv -T
    rm -f -- "$program/current"
    mv -- "$program/.current.new.$$" "$program/current"
}
cmp -s edgeguard.service "$unit" || cp -- edgeguard.service "$unit"
chmod 644 "$unit"
if has_systemd; then
    systemctl daemon-reload
    if [ -n "$start" ]; then
        systemctl enable edgeguard.service >/dev/null 2>&1
        systemctl restart edgeguard.service
    fi
fi
for old in "$program"/venv-*; do
    [ "$old" = "$environment" ] || rm -rf -- "$old"
done

say "installed; edit $settings/edgeguard.yaml, then: systemctl restart edgeguard"
for public in "$settings"/keys/*.pub; do
    [ -f "$public" ] || continue
    say "bundles must be signed by a key in $settings/keys: compare it with that of their maker"
    break
done
