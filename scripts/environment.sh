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

# install REQUIREMENTS…: does nothing if exactly these were installed before. An interrupted installation is repeated,
# since the stamp is written last.
install() {
    stamp=".venv/.installed-$(cat "$@" requirements.txt | cksum | tr -d ' ')"
    [ -f "$stamp" ] && return
    if ! .venv/bin/python -c '' 2>/dev/null; then
        python=$(find_python) || exit 1
        echo "Making .venv with $python …"
        "$python" -m venv --clear .venv || exit 1
    fi
    echo "Installing $* (the first time takes a few minutes) …"
    for file in "$@"; do
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$file" || {
            echo "Installing $file failed; once the network or the disk is mended, run this again." >&2
            exit 1
        }
    done
    rm -f .venv/.installed-*
    : >"$stamp"
}
