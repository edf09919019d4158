#!/usr/bin/env bash
# Fetch Frappe_x1 of the BARS benchmark into datasets/frappe_x1 and check it.
# Frappe is for research: no redistribution without permission, no commercial use.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/fetch.sh

fetch_zip https://huggingface.co/datasets/reczoo/Frappe_x1/resolve/main/Frappe_x1.zip datasets/frappe_x1 <<'SUMS'
ba7306e6c4fc19dd2cd84f2f0596d158  train.csv
88d51bf2173505436d3a8f78f2a59da8  valid.csv
3470f6d32713dc5f7715f198ca7c612a  test.csv
SUMS
