# Sourced by the commands beside this folder: finds a Python that is new enough and the project's root.
root=$(dirname "$(dirname "$(readlink -f "$0")")")
python=
for candidate in python3.11 python3.12 python3.13 python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "${0##*/}: no Python 3.11 or newer was found (tried python3.11, python3.12, python3.13, python3)." >&2
    echo "Install one, on Debian and Ubuntu: apt-get install python3 python3-venv" >&2
    exit 2
fi
export PYTHONPATH="$root"
