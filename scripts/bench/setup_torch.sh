#!/bin/sh
# Makes a Python environment with the pinned PyTorch that the benchmarks here compare against.
#
#   scripts/bench/setup_torch.sh DIR
#
# PYTHON            interpreter to build on, 3.11 or later (default: python3)
# TORCH_INDEX_URL   package index (default: pip's own); https://download.pytorch.org/whl/cpu has the small CPU wheel
set -eu

if [ $# -ne 1 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi

"${PYTHON:-python3}" -m venv "$1"
# numpy first and from pip's own index: the index of the CPU wheel need not have it.
"$1/bin/pip" install --quiet numpy==2.4.6
if [ -n "${TORCH_INDEX_URL:-}" ]; then
    "$1/bin/pip" install --quiet --index-url "$TORCH_INDEX_URL" torch==2.9.1
else
    "$1/bin/pip" install --quiet torch==2.9.1
fi
"$1/bin/python" -c 'import numpy, torch; print("torch", torch.__version__, "numpy", numpy.__version__)'
