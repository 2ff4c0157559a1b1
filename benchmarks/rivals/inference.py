"""Prediction by cnn-v2: `inference.py torchscript|compile|openvino|onnxruntime BATCH THREADS STEPS MODEL`.

MODEL is the network as ONNX, of pictures as uint8 [batch, height, width, 1]; PyTorch builds its own, with batch norms folded
and the graph frozen, as a careful user would serve it. Prints "ready"; then, for each line on standard input, predicts STEPS
batches and prints their median time in milliseconds.
"""
import sys
import time

import numpy

kind = sys.argv[1]
batch, threads, steps = (int(argument) for argument in sys.argv[2:5])
pixels = numpy.random.default_rng(0).integers(0, 256, (batch, 28, 28, 1), dtype=numpy.uint8)


def by_pytorch():
    import torch

    from cnn_v2 import cnn_v2

    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = cnn_v2().eval()

        def forward(self, images):
            return torch.softmax(self.network(images.float() / 255), 1)

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    images = torch.from_numpy(pixels.reshape(batch, 1, 28, 28))
    classifier = Classifier().eval()
    if kind == "compile":
        model = torch.compile(classifier, options={"freezing": True})
    else:
        model = torch.jit.optimize_for_inference(torch.jit.trace(classifier, images))
    return lambda: model(images)


def by_onnx_runtime(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: pixels})


def by_openvino(path):
    import openvino

    model = openvino.Core().read_model(path)
    model.reshape(pixels.shape)
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
    return lambda: request.infer([pixels], share_inputs=True, share_outputs=True)


if kind == "onnxruntime":
    predict = by_onnx_runtime(sys.argv[5])
elif kind == "openvino":
    predict = by_openvino(sys.argv[5])
else:
    predict = by_pytorch()
for _ in range(20):
    predict()
print("ready", flush=True)
for _ in sys.stdin:
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        predict()
        times.append(time.perf_counter() - start)
    print(sorted(times)[len(times) // 2] * 1000, flush=True)
