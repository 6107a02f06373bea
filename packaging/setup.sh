#!/bin/sh
# Make .venv: everything that the lock names, checked against its hashes, and this checkout itself.
#
#   packaging/setup.sh          what running Howdah from the checkout needs
#   packaging/setup.sh window   and the system's libraries that its window needs
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

# What Qt takes from the system: the library's file, and Debian's package for it. Asked for by file:
# that is what Qt loads, and newer releases name some packages differently (libglib2.0-0t64), which
# apt resolves by itself.
qt_libraries='
    libEGL.so.1                 libegl1
    libGL.so.1                  libgl1
    libX11-xcb.so.1             libx11-xcb1
    libbrotlidec.so.1           libbrotli1
    libdbus-1.so.3              libdbus-1-3
    libfontconfig.so.1          libfontconfig1
    libglib-2.0.so.0            libglib2.0-0
    libxcb-cursor.so.0          libxcb-cursor0
    libxcb-icccm.so.4           libxcb-icccm4
    libxcb-image.so.0           libxcb-image0
    libxcb-keysyms.so.1         libxcb-keysyms1
    libxcb-randr.so.0           libxcb-randr0
    libxcb-render-util.so.0     libxcb-render-util0
    libxcb-render.so.0          libxcb-render0
    libxcb-shape.so.0           libxcb-shape0
    libxcb-shm.so.0             libxcb-shm0
    libxcb-sync.so.1            libxcb-sync1
    libxcb-util.so.1            libxcb-util1
    libxcb-xfixes.so.0          libxcb-xfixes0
    libxcb-xkb.so.1             libxcb-xkb1
    libxkbcommon-x11.so.0       libxkbcommon-x11-0
    libxkbcommon.so.0           libxkbcommon0
'

# One look at the linker's cache: this runs with every make.
missing_for_window() {
    present=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p 2>/dev/null) || return 0
    printf '%s' "$qt_libraries" | while read -r file package; do
        case $present in
            *[[:space:]]"$file ("*) ;;
            *) [ -z "$file" ] || printf '%s\n' "$package" ;;
        esac
    done
}

# A compiler for the shim that makes disks fail, curl for the examples of the docs, git, whose word on
# ignore rules counts, prlimit and unshare for small disks, the proxies of docs/proxies.md, rsync to measure
# ourselves beside, systemd's tools for its unit, unzip to read our zips, and a browser for the pages of
# links; for the window a display that nobody sees, and a font for the letters that Inter does not have.
missing_for_tests() {
    command -v gcc >/dev/null || echo gcc
    command -v curl >/dev/null || echo curl
    command -v git >/dev/null || echo git
    command -v unzip >/dev/null || echo unzip
    command -v rsync >/dev/null || echo rsync
    command -v chromedriver >/dev/null || echo chromium-driver
    command -v chromium >/dev/null || command -v google-chrome >/dev/null || echo chromium
    [ -e /usr/include/stdio.h ] || echo libc6-dev
    command -v prlimit >/dev/null && command -v unshare >/dev/null || echo util-linux
    PATH=$PATH:/usr/sbin command -v nginx >/dev/null || echo nginx-light
    command -v caddy >/dev/null || echo caddy
    command -v systemd-analyze >/dev/null || echo systemd
    command -v Xvfb >/dev/null || echo xvfb
    command -v xauth >/dev/null || echo xauth
    set -- /usr/share/fonts/*/DejaVuSans.ttf /usr/share/fonts/*/*/DejaVuSans.ttf
    [ -e "$1" ] || [ -e "$2" ] || echo fonts-dejavu-core
}

# system_packages SENTENCE PACKAGE...: installs the packages, or says what is lost without them and
# which line installs them.
system_packages() {
    lost=$1
    shift
    [ $# -gt 0 ] || return 0
    # Once for each list of what is missing: without a network every run would wait for the try.
    tried=$venv/.howdah-system-packages
    if may_install && ! grep -qxF "$*" "$tried" 2>/dev/null; then
        printf '%s\n' "$*" >>"$tried"
        apt_install "$@" && return
    fi
    say "$lost On Debian or Ubuntu, run this once:"
    say "    sudo apt-get install --no-install-recommends $*"
}

# Two at a time would delete each other's work: the second one waits, then finds it done.
if command -v flock >/dev/null; then
    exec 9<"$lock"
    flock 9
fi

stands $environment_stamp environment || make_environment
stands $project_stamp project || install_project
# shellcheck disable=SC2046  # lists of names
case ${1:-} in
    window) system_packages "The window may not open." $(missing_for_window) ;;
    test) system_packages "Some tests will be skipped." $(missing_for_window) $(missing_for_tests) ;;
esac
