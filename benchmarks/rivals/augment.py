"""The steps of a strategy by Albumentations: `augment.py IMAGES STEPS COPIES`.

IMAGES holds uint8 [count, 28, 28], STEPS is the JSON of a strategy. Prints "ready"; then, for each line on standard
input, makes COPIES copies on one thread and prints the milliseconds for one. `canvas-style` has no counterpart and is
left out, which is to Python's advantage.
"""
import json
import random
import sys
import time

import albumentations as A
import cv2
import numpy

SIDE = 28
cv2.setNumThreads(1)
images = numpy.fromfile(sys.argv[1], dtype=numpy.uint8).reshape(-1, SIDE, SIDE)
copies = int(sys.argv[3])


def affine(p, probability):
    shift, scale, shear = p["shift"], p["scale"], p["shear"] * 57.3
    return A.Affine(
        rotate=(-p["rotation"], p["rotation"]),
        translate_percent=(-shift, shift),
        scale=(1 / (1 + scale), 1 + scale),
        shear=(-shear, shear),
        p=probability,
    )


def stroke_width(p, probability):
    wider = A.Morphological(scale=(2, 2), operation="dilation", p=1)
    thinner = A.Morphological(scale=(2, 2), operation="erosion", p=1)
    return A.OneOf([wider, thinner], p=probability)


def contrast(p, probability):
    gamma = (100 / (1 + p["gamma"]), 100 * (1 + p["gamma"]))
    steps = [
        A.RandomGamma(gamma_limit=gamma, p=1),
        A.RandomBrightnessContrast(brightness_limit=p["brightness"], contrast_limit=p["contrast"], p=1),
    ]
    return A.Sequential(steps, p=probability)


MAKERS = {
    "elastic": lambda p, probability: A.ElasticTransform(alpha=p["alpha"] * SIDE * 8, sigma=4, p=probability),
    "affine": affine,
    "stroke-width": stroke_width,
    "blur": lambda p, probability: A.GaussianBlur(blur_limit=0, sigma_limit=(0.1, p["sigma"] * SIDE), p=probability),
    "contrast": contrast,
    "noise": lambda p, probability: A.GaussNoise(std_range=(0, p["gaussian"]), p=probability),
}
steps = json.loads(sys.argv[2])
pipeline = A.Compose(
    [MAKERS[step["augmenter"]](step["parameters"], step["probability"]) for step in steps if step["augmenter"] in MAKERS]
)
mixup = next((step["probability"] for step in steps if step["augmenter"] == "mixup"), 0)


def copy(image):
    made = pipeline(image=image)["image"]
    if random.random() < mixup:
        made = cv2.addWeighted(made, 1 - 0.35 * random.random(), random.choice(images), 0.35, 0)
    return made


print("ready", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    for i in range(copies):
        copy(images[i % len(images)])
    print((time.perf_counter() - start) / copies * 1000, flush=True)
