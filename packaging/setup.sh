#!/bin/sh
# Make .venv: everything that the lock names, checked against its hashes, and this checkout itself.
#
#   packaging/setup.sh          what running Howdah from the checkout needs
#   packaging/setup.sh test     and the system packages that some tests use
#
# Takes Python 3.11 or newer ($PYTHON, else the first on the PATH whose venv module works).
# As root on Debian, missing system packages are installed; otherwise the line to run is printed.
set -eu
cd "$(dirname "$0")/.."

lock=packaging/requirements.txt
venv=.venv
python=$venv/bin/python
environment_stamp=.howdah-environment
project_stamp=.howdah-project

say() { printf '%s\n' "$*" >&2; }

may_install() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; }

# Another apt may be at work (a fresh machine updates itself): wait for its lock instead of failing.
apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=120 "$@" >&2; }

apt_install() {
    say "Installing $* ..."
    # The package lists of a fresh machine or container are missing or old: fetch them only then.
    apt_get install --no-install-recommends "$@" 2>/dev/null ||
        { apt_get update && apt_get install --no-install-recommends "$@"; }
}

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# A Debian without python3-venv has the venv module, but not the ensurepip that it needs.
makes_venvs() { is_new_enough "$1" && "$1" -c 'import ensurepip, venv' 2>/dev/null; }

find_python() {
    for candidate in ${PYTHON:-python3 /usr/bin/python3 python3.11 python3.12 python3.13 python3.14}; do
        if "$1" "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

choose_python() {
    find_python makes_venvs && return
    if ! bare=$(find_python is_new_enough); then
        say "Howdah needs Python 3.11 or newer, and ${PYTHON:-python3} is not." \
            "Name one: make PYTHON=/path/to/python3.11 ..."
        return 1
    fi
    if may_install; then
        apt_install python3-venv && find_python makes_venvs && return
    fi
    say "$bare cannot make virtual environments. On Debian or Ubuntu, run this once, then try again:"
    say "    sudo apt-get install --no-install-recommends python3-venv"
    return 1
}

# What the environment was made from. The folder counts, because the scripts in a venv hold its
# absolute path.
environment() { { pwd && cat "$lock"; } | sha256sum; }
project() { sha256sum <pyproject.toml; }

stands() { [ -x "$python" ] && [ "$(cat "$venv/$1" 2>/dev/null)" = "$($2)" ]; }

pip_install() { "$python" -m pip --disable-pip-version-check --no-input -q install "$@" >&2; }

make_environment() {
    base=$(choose_python)
    say "Setting up $venv with $("$base" --version) ..."
    # Whatever stands there is old or half-made. The stamp comes last, so that an interrupted
    # set-up is never taken for a finished one.
    rm -rf "$venv"
    "$base" -m venv "$venv"
    pip_install --require-hashes -r "$lock"
    environment >"$venv/$environment_stamp"
}

# No isolation: the parts that build the project come from the lock as well.
install_project() {
    pip_install --no-deps --no-build-isolation -e .
    project >"$venv/$project_stamp"
}

# A compiler for the shim that makes disks fail, prlimit and unshare for small ones.
system_packages_for_tests() {
    missing=
    command -v gcc >/dev/null || missing="$missing gcc"
    [ -e /usr/include/stdio.h ] || missing="$missing libc6-dev"
    command -v prlimit >/dev/null && command -v unshare >/dev/null || missing="$missing util-linux"
    [ -n "$missing" ] || return 0
    # Once for each list of what is missing: without a network every run would wait for the try.
    tried=$venv/.howdah-system-packages
    if may_install && [ "$(cat "$tried" 2>/dev/null)" != "$missing" ]; then
        printf '%s' "$missing" >"$tried"
        # shellcheck disable=SC2086  # a list of names
        apt_install $missing && return
    fi
    say "Some tests will be skipped. For all of them, on Debian or Ubuntu, run this once:"
    say "    sudo apt-get install --no-install-recommends$missing"
}

# Two at a time would delete each other's work: the second one waits, then finds it done.
if command -v flock >/dev/null; then
    exec 9<"$lock"
    flock 9
fi

stands $environment_stamp environment || make_environment
stands $project_stamp project || install_project
if [ "${1:-}" = test ]; then
    system_packages_for_tests
fi
