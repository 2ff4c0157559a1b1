"""The network `cnn-v2` in PyTorch."""
from torch import nn


def unit(inputs, outputs):
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def cnn_v2(classes=94):
    layers, channels = [], 1
    for filters, rate in ((32, 0.1), (64, 0.15), (128, 0.2)):
        layers += unit(channels, filters) + unit(filters, filters) + [nn.MaxPool2d(2), nn.Dropout(rate)]
        channels = filters
    layers += [nn.Flatten(), nn.Linear(128 * 9, 256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, classes)]
    return nn.Sequential(*layers)
