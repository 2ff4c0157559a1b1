"""The versions of the packages of requirements.txt, and Python's, as JSON; fails where one is not installed."""
import json
import pathlib
import platform
from importlib import metadata

lines = (pathlib.Path(__file__).parent / "requirements.txt").read_text().splitlines()
names = [line.split("==")[0] for line in lines if "==" in line]
print(json.dumps({"Python": platform.python_version(), **{name: metadata.version(name) for name in names}}))
