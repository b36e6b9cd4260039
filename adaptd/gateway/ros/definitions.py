"""Message and service types that rosbags' stores lack: vision_msgs 4 (Humble and later), and three services of parameters.

The fields are those of the published interface files. A service's RIHS01 hash is that of a structure with its request, response
and event inside; ``client_gid`` counts as uint8 there. The hash of example_interfaces/srv/AddTwoInts in rmw_zenoh's design
document comes out of this, which a test holds.
"""

from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

RELEASES = {"humble": Stores.ROS2_HUMBLE, "jazzy": Stores.ROS2_JAZZY}
NO_HASH = "TypeHashNotSupported"  # what rmw_zenoh writes on Humble, which knows no hashes
EVENT_INFO = "service_msgs/msg/ServiceEventInfo"

VISION = {
    "Point2D": "float64 x\nfloat64 y\n",
    "Pose2D": "vision_msgs/Point2D position\nfloat64 theta\n",
    "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n",
    "ObjectHypothesis": "string class_id\nfloat64 score\n",
    "ObjectHypothesisWithPose": "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose\n",
    "Classification": "std_msgs/Header header\nvision_msgs/ObjectHypothesis[] results\n",
    "Detection2D": (
        "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\nvision_msgs/BoundingBox2D bbox\nstring id\n"
    ),
    "Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections\n",
}
SERVICES = {
    "rcl_interfaces/srv/SetParameters": (
        "rcl_interfaces/Parameter[] parameters\n",
        "rcl_interfaces/SetParametersResult[] results\n",
    ),
    "rcl_interfaces/srv/GetParameters": ("string[] names\n", "rcl_interfaces/ParameterValue[] values\n"),
    "rcl_interfaces/srv/ListParameters": ("string[] prefixes\nuint64 depth\n", "rcl_interfaces/ListParametersResult result\n"),
}


def store_of(release: str) -> Any:
    """The store of a release with everything that the bridge speaks."""
    store: Any = get_typestore(RELEASES[release])
    found: dict[str, Any] = {}
    for name, text in VISION.items():
        found |= get_types_from_msg(text, f"vision_msgs/msg/{name}")
    for name, (request, response) in SERVICES.items():
        found |= service_types(name, request, response, event=EVENT_INFO in store.fielddefs)
    store.register({name: found[name] for name in found if name not in store.fielddefs})
    return store


def service_types(name: str, request: str, response: str, *, event: bool = True) -> dict[str, Any]:
    """The types of a service; without ``event`` those that carry data, for a release that hashes nothing."""
    texts = {f"{name}_Request": request, f"{name}_Response": response}
    if event:
        texts[f"{name}_Event"] = f"{EVENT_INFO}\x20info\n{name}_Request[<=1] request\n{name}_Response[<=1] response\n"
        texts[name] = f"{name}_Request request_message\n{name}_Response response_message\n{name}_Event event_message\n"
    found: dict[str, Any] = {}
    for one, text in texts.items():
        found |= get_types_from_msg(text, one)
    return {_plain(one): _plain(fields) for one, fields in found.items()}


def hash_of(store: Any, name: str, release: str) -> str:
    """The type hash of a message or a service as it stands in keys."""
    if release == "humble":
        return NO_HASH
    kept = store.fielddefs[EVENT_INFO]
    fields = [
        (field, (Nodetype.ARRAY, ((Nodetype.BASE, ("uint8", 0)), 16)) if field == "client_gid" else kind)
        for field, kind in kept[1]
    ]
    try:
        store.fielddefs[EVENT_INFO] = (kept[0], fields)
        return str(store.hash_rihs01(name))
    finally:
        store.fielddefs[EVENT_INFO] = kept


def _plain(value: Any) -> Any:
    """rosbags puts a ``msg`` between ``srv`` and the name; the names on the wire have none."""
    if isinstance(value, str):
        return value.replace("/srv/msg/", "/srv/")
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(one) for one in value)
    return value
