"""The versions of the packages of requirements.txt that are installed, and Python's, as JSON."""
import json
import pathlib
import platform
from importlib import metadata

versions = {"Python": platform.python_version()}
for line in (pathlib.Path(__file__).parent / "requirements.txt").read_text().splitlines():
    name, _, wanted = line.partition("==")
    try:
        if wanted:
            versions[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps(versions))
