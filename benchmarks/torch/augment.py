"""The steps of a strategy by torchvision and Pillow: `augment.py IMAGES STEPS COPIES`.

IMAGES holds uint8 [count, 28, 28], STEPS is the JSON of a strategy. Prints "ready"; then, for each line on standard
input, makes COPIES copies on one thread and prints the milliseconds for one. `canvas-style` has no counterpart and is
left out, which is to Python's advantage.
"""
import json
import random
import sys
import time

import torch
from PIL import Image, ImageFilter
from torchvision import transforms
from torchvision.transforms import functional

SIDE = 28
images = [
    Image.frombytes("L", (SIDE, SIDE), chunk)
    for data in [open(sys.argv[1], "rb").read()]
    for chunk in (data[i : i + SIDE * SIDE] for i in range(0, len(data), SIDE * SIDE))
]
copies = int(sys.argv[3])
torch.set_num_threads(1)
BILINEAR = transforms.InterpolationMode.BILINEAR


def elastic(p):
    # torchvision divides its displacements by the side; a sigma of 4 pixels is that of 4 cells.
    return transforms.ElasticTransform(alpha=p["alpha"] * SIDE * 8, sigma=4.0)


def affine(p):
    degrees = p["shear"] * 57.3
    return transforms.RandomAffine(
        p["rotation"], (p["shift"], p["shift"]), (1 / (1 + p["scale"]), 1 + p["scale"]), (-degrees, degrees), BILINEAR
    )


def stroke_width(p):
    def apply(image):
        change = random.uniform(-p["thinner"], p["thicker"]) * SIDE
        wider = image.filter(ImageFilter.MaxFilter(3) if change > 0 else ImageFilter.MinFilter(3))
        return Image.blend(image, wider, min(1.0, abs(change)))

    return apply


def blur(p):
    return lambda image: image.filter(ImageFilter.GaussianBlur(random.uniform(0, p["sigma"] * SIDE)))


def contrast(p):
    def apply(image):
        image = functional.adjust_gamma(image, (1 + p["gamma"]) ** random.uniform(-1, 1))
        image = functional.adjust_contrast(image, (1 + p["contrast"]) ** random.uniform(-1, 1))
        return functional.adjust_brightness(image, 1 + random.uniform(-p["brightness"], p["brightness"]))

    return apply


def noise(p):
    def apply(image):
        values = functional.pil_to_tensor(image).float()
        values += torch.randn(values.shape) * (random.uniform(0, p["gaussian"]) * 255)
        return functional.to_pil_image(values.clamp(0, 255).to(torch.uint8))

    return apply


def mixup(_):
    return lambda image: Image.blend(image, random.choice(images), random.uniform(0, 0.35))


MAKERS = {
    "elastic": elastic,
    "affine": affine,
    "stroke-width": stroke_width,
    "blur": blur,
    "contrast": contrast,
    "noise": noise,
    "mixup": mixup,
}
steps = [
    (step["probability"], MAKERS[step["augmenter"]](step["parameters"]))
    for step in json.loads(sys.argv[2])
    if step["augmenter"] in MAKERS
]


def copy(image):
    for probability, apply in steps:
        if random.random() < probability:
            image = apply(image)
    return image.tobytes()


print("ready", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    for i in range(copies):
        copy(images[i % len(images)])
    print((time.perf_counter() - start) / copies * 1000, flush=True)
