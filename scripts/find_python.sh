#!/usr/bin/env bash
# Prints the first Python >= 3.11 that can build a virtual environment; $PYTHON, where set, is the only choice.
set -euo pipefail
for candidate in ${PYTHON:-python3.11 python3 /usr/bin/python3 python3.12 python3.13}; do
  if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    command -v "$candidate"
    exit 0
  fi
done
echo "error: no Python 3.11 or newer with venv was found: install one, or name it with PYTHON=/path/to/python3" >&2
exit 1
