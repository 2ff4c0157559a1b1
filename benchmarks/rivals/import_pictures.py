"""Pictures of class folders as one array by Pillow: `import_pictures.py FOLDER PROCESSES`.

As a careful engineer would write it: a pool of processes, files in chunks, libjpeg's own scaling of photographs. Prints
"ready"; then, for each line on standard input, imports everything and prints the milliseconds for one picture.
"""
import pathlib
import sys
import time
from multiprocessing import Pool

import numpy
from PIL import Image

SIDE = 28


def pixels(path):
    with Image.open(path) as image:
        image.draft("L", (SIDE, SIDE))
        image = image.convert("L")
        if image.size != (SIDE, SIDE):
            image = image.resize((SIDE, SIDE))
        return numpy.asarray(image)


if __name__ == "__main__":
    folder, processes = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    print("ready", flush=True)
    with Pool(processes) as pool:
        for _ in sys.stdin:
            start = time.perf_counter()
            paths = sorted(path for path in folder.rglob("*") if path.is_file())
            array = numpy.stack(list(pool.imap(pixels, paths, chunksize=64)))
            numpy.save("/dev/null", array)
            print((time.perf_counter() - start) / len(paths) * 1000, flush=True)
