"""The network cnn-v2 served by FastAPI, uvicorn and ONNX Runtime: `serve.py PORT PROCESSES THREADS MODEL`.

As a careful engineer would write it for a CPU: uvloop, httptools and orjson, one thread for each prediction, so many
predictions at a time as there are threads, in a pool beside the event loop, which answers meanwhile. Answers the same
POST /predict as roble, with the bytes of a picture.
"""
import asyncio
import io
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy
import onnxruntime
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from PIL import Image

SIDE, TOP = 28, 3
app = FastAPI()


def load(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pixels: session.run(None, {name: pixels})[0][0]


@app.on_event("startup")
def start():
    app.state.predict = load(sys.argv[4])
    app.state.pool = ThreadPoolExecutor(int(sys.argv[3]))


def classify(body):
    image = Image.open(io.BytesIO(body))
    # Lets libjpeg decode a photograph at a fraction of its size.
    image.draft("L", (SIDE, SIDE))
    image = image.convert("L")
    if image.size != (SIDE, SIDE):
        image = image.resize((SIDE, SIDE))
    probabilities = app.state.predict(numpy.asarray(image).reshape(1, SIDE, SIDE, 1))
    best = numpy.argsort(probabilities)[::-1][:TOP]
    predictions = [{"label": str(label), "probability": float(probabilities[label])} for label in best]
    return orjson.dumps({"predictions": predictions})


@app.post("/predict")
async def predict(request: Request):
    body = await request.body()
    answer = await asyncio.get_running_loop().run_in_executor(app.state.pool, classify, body)
    return Response(answer, media_type="application/json")


@app.get("/health/live")
async def live():
    return {}


if __name__ == "__main__":
    port, processes = (int(argument) for argument in sys.argv[1:3])
    uvicorn.run(
        "serve:app",
        host="127.0.0.1",
        port=port,
        workers=processes,
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )
