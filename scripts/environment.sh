# Sourced by the other scripts: makes .venv if it is missing and installs what is asked for, once.
# shellcheck shell=sh

cd "$(dirname "$0")/.." || exit 1

# The first Python that runs and is new enough; a name may exist and still not run (pyenv's shims).
find_python() {
    for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3 python; do
        if [ -n "$candidate" ] && "$candidate" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "nnviz needs Python 3.11 or newer with venv; none was found. Name one with PYTHON=/path/to/python." >&2
    return 1
}

# install FILE: does nothing if exactly this was installed before. The stamp is written last, so that an interrupted
# installation is repeated.
install() {
    stamp=".venv/.installed-$1-$(cat "$1" requirements*.txt | cksum | tr -d ' ')"
    [ -f "$stamp" ] && return
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        python=$(find_python) || exit 1
        echo "Making .venv with $python …"
        "$python" -m venv --clear .venv || exit 1
    fi
    echo "Installing $1 (the first time takes a few minutes) …"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$1" || {
        echo "Installing $1 failed; once the network or the disk is mended, run this again." >&2
        exit 1
    }
    rm -f ".venv/.installed-$1-"*
    : >"$stamp"
}
