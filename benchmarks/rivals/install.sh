#!/usr/bin/env bash
# The rivals' newest versions in a virtual environment: install.sh FOLDER. It takes 6 GB, most of it PyTorch's own CUDA.
set -euo pipefail
folder=${1:?The folder of the virtual environment, outside the repository}
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --requirement "$(dirname "$0")/requirements.txt"
"$folder/bin/python" "$(dirname "$0")/versions.py"
