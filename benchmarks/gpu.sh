#!/usr/bin/env bash
# All that is to be measured on a machine with a GPU, in one command: steps of cnn-v2 beside PyTorch (--rivals names its
# virtual environment), and a whole training on the GPU and on the CPU, with the same data and seed.
#
#   benchmarks/gpu.sh [--device webgpu,cuda] [--batch 64,512,4096] [--steps 20] [--rounds 5] [--torch cuda] [--rivals FOLDER]
#
# TINY=1 trains on little, to try the script itself; DEVICE is the device of the training (webgpu).
set -euo pipefail
cd "$(dirname "$0")/.."

npm run --silent build
npm run --silent from-built -- benchmarks/gpu.ts "$@"

if [ -n "${TINY:-}" ]; then characters=0-3 each=60 epochs=1 batch=16; else characters=0-9A-Za-z each=1000 epochs=12 batch=512; fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
node bin/run.js data:synth --characters "$characters" --per-class "$each" --out "$folder/dataset" --reporter plain
for device in "${DEVICE:-webgpu}" cpu; do
  echo "whole training on $device:"
  # Where one device is not here, the other still shows its figure.
  node bin/run.js train --dataset "$folder/dataset" --run "$folder/run-${device//:/-}" --preset cnn-v2 --seed 1 \
    --epochs "$epochs" --batch-size "$batch" --device "$device" --reporter plain || true
done
