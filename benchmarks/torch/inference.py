"""Prediction by cnn-v2 in PyTorch: `inference.py BATCH THREADS STEPS`.

Prints "ready"; then, for each line on standard input, predicts STEPS batches and prints their median time in
milliseconds. Batch norms are folded into the convolutions and the graph is frozen, as a careful user would serve it.
"""
import sys
import time

import torch

from cnn_v2 import cnn_v2

batch, threads, steps = (int(argument) for argument in sys.argv[1:4])
torch.set_num_threads(threads)
torch.manual_seed(0)
network = cnn_v2().eval()
images = torch.randint(0, 256, (batch, 1, 28, 28), dtype=torch.uint8)


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.network = network

    def forward(self, images):
        return torch.softmax(self.network(images.float() / 255), 1)


with torch.no_grad():
    model = torch.jit.optimize_for_inference(torch.jit.trace(Classifier().eval(), images))
    for _ in range(20):
        model(images)
    print("ready", flush=True)
    for _ in sys.stdin:
        times = []
        for _ in range(steps):
            start = time.perf_counter()
            model(images)
            times.append(time.perf_counter() - start)
        print(sorted(times)[len(times) // 2] * 1000, flush=True)
