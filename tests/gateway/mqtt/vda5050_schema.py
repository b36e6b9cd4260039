"""The part of VDA 5050 2.0 that adaptd speaks, as a JSON schema in our words, and a small checker for it and for published ones.

The checker knows ``type``, ``enum``, ``properties``, ``required``, ``items``, ``allOf`` and ``$ref`` by identifier: what the
schemas of the npm package vda-5050-cli (2.0.13, which carries those of version 1.1 of the standard) use. ``npm pack
vda-5050-cli`` fetches it; ``ADAPTD_VDA5050_SCHEMAS`` names the folder with its ``*.schema.json``.
"""

from typing import Any

TEXT, NUMBER, TRUTH, WHOLE = ({"type": name} for name in ("string", "number", "boolean", "integer"))


def _things(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


_REFERENCES = _list(_things(("referenceKey", "referenceValue"), referenceKey=TEXT, referenceValue=TEXT))
HEADER = _things(
    ("headerId", "timestamp", "version", "manufacturer", "serialNumber"),
    headerId=WHOLE, timestamp=TEXT, version=TEXT, manufacturer=TEXT, serialNumber=TEXT,
)  # fmt: skip
INFORMATION = _list(
    _things(
        ("infoType", "infoLevel"),
        infoType=TEXT, infoLevel={"type": "string", "enum": ["INFO", "DEBUG"]}, infoDescription=TEXT, infoReferences=_REFERENCES,
    )
)  # fmt: skip
ERRORS = _list(
    _things(
        ("errorType", "errorLevel"),
        errorType=TEXT, errorLevel={"type": "string", "enum": ["WARNING", "FATAL"]}, errorDescription=TEXT,
        errorReferences=_REFERENCES,
    )
)  # fmt: skip
BATTERY = _things(("batteryCharge", "charging"), batteryCharge=NUMBER, charging=TRUTH, batteryVoltage=NUMBER, reach=WHOLE)
_OF_STATE = _things(
    (
        "orderId", "orderUpdateId", "lastNodeId", "lastNodeSequenceId", "nodeStates", "edgeStates", "driving", "actionStates",
        "batteryState", "operatingMode", "errors", "safetyState",
    ),
    orderId=TEXT, orderUpdateId=WHOLE, lastNodeId=TEXT, lastNodeSequenceId=WHOLE, driving=TRUTH,
    nodeStates=_list({}), edgeStates=_list({}), actionStates=_list({}),
    operatingMode={"type": "string", "enum": ["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL", "SERVICE", "TEACHIN"]},
    safetyState=_things(
        ("eStop", "fieldViolation"),
        eStop={"type": "string", "enum": ["AUTOACK", "MANUAL", "REMOTE", "NONE"]}, fieldViolation=TRUTH,
    ),
    batteryState=BATTERY, errors=ERRORS, information=INFORMATION,
)  # fmt: skip
STATE = {"allOf": [HEADER, _OF_STATE]}
CONNECTION = {
    "allOf": [
        HEADER,
        _things(("connectionState",), connectionState={"type": "string", "enum": ["ONLINE", "OFFLINE", "CONNECTIONBROKEN"]}),
    ]
}

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "integer": (int,), "number": (int, float),
}  # fmt: skip


def faults(value: Any, schema: dict[str, Any], known: dict[str, dict[str, Any]] | None = None, at: str = "") -> list[str]:
    """What of ``value`` is not as ``schema`` wants it. ``known`` has published schemas by ``$id``."""
    if reference := schema.get("$ref"):
        return faults(value, _followed(reference, known or {}), known, at)
    found = [fault for part in schema.get("allOf", ()) for fault in faults(value, part, known, at)]
    kind = schema.get("type")
    if kind and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind in ("integer", "number"))):
        return [*found, f"{at or 'message'}: is {type(value).__name__}, {kind} is needed"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is none of {schema['enum']}")
    if isinstance(value, dict):
        found += [f"{at}: lacks {name}" for name in schema.get("required", ()) if name not in value]
        for name, part in schema.get("properties", {}).items():
            found += faults(value[name], part, known, f"{at}.{name}") if name in value else []
    if isinstance(value, list) and "items" in schema:
        found += [fault for index, one in enumerate(value) for fault in faults(one, schema["items"], known, f"{at}[{index}]")]
    return found


def _followed(reference: str, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    identifier, _, path = reference.partition("#")
    schema = known[identifier]
    for name in path.strip("/").split("/"):
        schema = schema[name] if name else schema
    return schema
