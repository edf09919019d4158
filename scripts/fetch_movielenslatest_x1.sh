#!/usr/bin/env bash
# Fetch MovielensLatest_x1 of the BARS benchmark into datasets/movielenslatest_x1 (16 MB packed) and check it.
# GroupLens allows research use; read https://files.grouplens.org/datasets/movielens/ml-latest-README.html first.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/fetch.sh

fetch_zip https://huggingface.co/datasets/reczoo/MovielensLatest_x1/resolve/main/MovielensLatest_x1.zip \
    datasets/movielenslatest_x1 <<'SUMS'
efc8bceeaa0e895d566470fc99f3f271  train.csv
e1930223a5026e910ed5a48687de8af1  valid.csv
54e8c6baff2e059fe067fb9b69e692d0  test.csv
SUMS
