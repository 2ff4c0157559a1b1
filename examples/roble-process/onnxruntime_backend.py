"""Answers the requests of roble-process with ONNX Runtime: pip install onnxruntime numpy."""

import os
import struct
import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(os.environ["ROBLE_MODEL"], providers=["CPUExecutionProvider"])
shape = [int(os.environ[f"ROBLE_{name}"]) for name in ("HEIGHT", "WIDTH", "CHANNELS")]

while header := sys.stdin.buffer.read(4):
    (count,) = struct.unpack("<I", header)
    pixels = sys.stdin.buffer.read(count * shape[0] * shape[1] * shape[2])
    images = np.frombuffer(pixels, dtype=np.uint8).reshape(count, *shape)
    (probabilities,) = session.run(["probabilities"], {"images": images})
    sys.stdout.buffer.write(probabilities.astype("<f4").tobytes())
    sys.stdout.buffer.flush()
