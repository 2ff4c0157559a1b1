"""The network cnn-v2 served by FastAPI, uvicorn and PyTorch: `serve.py PORT PROCESSES THREADS`.

As a careful engineer would write it for a CPU: batch norms folded and the graph frozen, one thread for each prediction, so
many predictions at a time as there are threads, in a pool beside the event loop, which answers meanwhile. Answers the same
POST /predict as roble, with the bytes of a picture, and what a load test asks of GET /stats.
"""
import asyncio
import io
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy
import torch
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from PIL import Image

from cnn_v2 import cnn_v2

SIDE, CLASSES, TOP = 28, 94, 3


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.network = cnn_v2(CLASSES)

    def forward(self, images):
        return torch.softmax(self.network(images.float() / 255), 1)


def load():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    example = torch.zeros((1, 1, SIDE, SIDE), dtype=torch.uint8)
    with torch.no_grad():
        model = torch.jit.optimize_for_inference(torch.jit.trace(Classifier().eval(), example))
        for _ in range(20):
            model(example)
    return model


app = FastAPI()


@app.on_event("startup")
def start():
    app.state.model = load()
    # Each thread of the pool computes on itself alone; PyTorch gives the interpreter free meanwhile.
    threads = int(sys.argv[3])
    app.state.pool = ThreadPoolExecutor(threads, initializer=lambda: torch.set_num_threads(1))


def classify(body):
    image = Image.open(io.BytesIO(body)).convert("L")
    if image.size != (SIDE, SIDE):
        image = image.resize((SIDE, SIDE))
    pixels = torch.from_numpy(numpy.array(image)).reshape(1, 1, SIDE, SIDE)
    with torch.inference_mode():
        probabilities, classes = torch.topk(app.state.model(pixels)[0], TOP)
    pairs = zip(classes.tolist(), probabilities.tolist())
    return [{"label": str(label), "probability": probability} for label, probability in pairs]


@app.post("/predict")
async def predict(request: Request):
    body = await request.body()
    loop = asyncio.get_running_loop()
    predictions = await loop.run_in_executor(app.state.pool, classify, body)
    return JSONResponse({"predictions": predictions})


@app.get("/stats")
async def stats():
    return {"model": {"name": "FastAPI", "input": {"height": SIDE, "width": SIDE, "channels": 1}}}


if __name__ == "__main__":
    uvicorn.run(
        "serve:app", host="127.0.0.1", port=int(sys.argv[1]), workers=int(sys.argv[2]), log_level="warning", access_log=False
    )
