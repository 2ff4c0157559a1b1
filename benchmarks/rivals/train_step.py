"""The training step of cnn-v2 in PyTorch: `train_step.py BATCH THREADS STEPS DEVICE eager|compile nchw|nhwc`.

Prints "ready"; then, for each line on standard input, runs STEPS steps and prints their median time in milliseconds. The
batch comes from the main memory at each step, and the loss goes back, as in a training.
"""
import sys
import time

import torch
from torch import nn

from cnn_v2 import cnn_v2

batch, threads, steps = (int(argument) for argument in sys.argv[1:4])
device, mode, layout = sys.argv[4:]
memory_format = torch.channels_last if layout == "nhwc" else torch.contiguous_format
torch.set_num_threads(threads)
torch.manual_seed(0)

network = cnn_v2().to(device, memory_format=memory_format)
optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
images = torch.randint(0, 256, (batch, 1, 28, 28), dtype=torch.uint8)
labels = torch.randint(0, 94, (batch,))


def loss_of(pictures, wanted):
    inputs = (pictures.float() / 255).contiguous(memory_format=memory_format)
    return nn.functional.cross_entropy(network(inputs), wanted)


forward = torch.compile(loss_of) if mode == "compile" else loss_of


def step():
    optimizer.zero_grad(set_to_none=True)
    loss = forward(images.to(device), labels.to(device))
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return loss.item()


for _ in range(3):
    step()
print("ready", flush=True)
for _ in sys.stdin:
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(sorted(times)[len(times) // 2] * 1000, flush=True)
