"""An encoded picture to 28x28 grey pixels by Pillow: `decode.py FILE COUNT`.

Prints "ready"; then, for each line on standard input, decodes FILE COUNT times and prints the milliseconds of the
processor for one. JPEGs are decoded at the size nearest above (`draft`), without colours. Transparency is passed over,
which is to Pillow's advantage.
"""
import io
import resource
import sys

from PIL import Image

data = open(sys.argv[1], "rb").read()
count = int(sys.argv[2])


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def decode():
    image = Image.open(io.BytesIO(data))
    image.draft("L", (28, 28))
    return image.convert("L").resize((28, 28), Image.LANCZOS).tobytes()


print("ready", flush=True)
for _ in sys.stdin:
    start = processor_seconds()
    for _ in range(count):
        decode()
    print((processor_seconds() - start) * 1000 / count, flush=True)
