"""Run in a process of its own: print every name of a TensorRT module with its signatures, as JSON."""

import importlib
import json
import sys
from typing import Any


def names(module: Any) -> dict[str, str]:
    """Every ``Class.attribute`` and ``Class`` of the module with its docstring, where pybind11 writes the signatures."""
    found: dict[str, str] = {}
    for name in dir(module):
        value = getattr(module, name)
        if not isinstance(value, type):
            continue
        found[name] = value.__doc__ or ""
        for attribute in dir(value):
            member = getattr(value, attribute)
            found[f"{name}.{attribute}"] = (member.__doc__ or "") if callable(member) else ""
    return found


if __name__ == "__main__":
    loaded = importlib.import_module(sys.argv[1])
    print(json.dumps({"version": loaded.__version__, "names": names(loaded)}))
