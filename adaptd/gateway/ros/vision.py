"""A line of results.sock as vision_msgs: what was seen, when the camera saw it, in whose frame. Pure.

A result carries when it was ready on the monotonic clock and how long it took from the frame's arrival; the difference is the
frame's own moment, told on the wall clock. Corners come in millionths of the picture's sides and go out in pixels.
"""

from dataclasses import dataclass
from typing import Any

PPM = 1_000_000
DETECTIONS = ("/adaptd/detections", "vision_msgs/msg/Detection2DArray")
CLASSIFICATION = ("/adaptd/classification", "vision_msgs/msg/Classification")


@dataclass(frozen=True, slots=True)
class Camera:
    """The camera's frame_id, and its picture in pixels."""

    frame_id: str = "camera"
    width: int = 640
    height: int = 480

    def frame_of(self, result: dict[str, Any]) -> str:
        """The name of the camera that a result is of, where there are several."""
        return str(result.get("camera") or self.frame_id)


def stamp_ns(result: dict[str, Any], mono_ns: int, wall_ns: int) -> int:
    """When the frame arrived, in nanoseconds of the wall clock; ``mono_ns`` and ``wall_ns`` are the two clocks now."""
    arrived_us = int(result["mono_us"]) - int(result["latency_us"])
    return wall_ns - max(0, mono_ns - arrived_us * 1000)


def classification(make: dict[str, Any], header: Any, result: dict[str, Any]) -> Any:
    """What a classifier said of the whole picture."""
    seen = make["vision_msgs/msg/ObjectHypothesis"](class_id=str(result["class"]), score=result["score_ppm"] / PPM)
    return make[CLASSIFICATION[1]](header=header, results=[seen])


def detections(make: dict[str, Any], header: Any, result: dict[str, Any], camera: Camera) -> Any:
    """Every box that a detector found; none is an empty array, not silence."""
    found = [_detection(make, header, row, camera) for row in result["boxes"]]
    return make[DETECTIONS[1]](header=header, detections=found)


def _detection(make: dict[str, Any], header: Any, row: list[Any], camera: Camera) -> Any:
    name, score_ppm, left, top, right, bottom = row
    point = make["vision_msgs/msg/Point2D"](x=(left + right) / 2 / PPM * camera.width, y=(top + bottom) / 2 / PPM * camera.height)
    box = make["vision_msgs/msg/BoundingBox2D"](
        center=make["vision_msgs/msg/Pose2D"](position=point, theta=0.0),
        size_x=(right - left) / PPM * camera.width,
        size_y=(bottom - top) / PPM * camera.height,
    )
    seen = make["vision_msgs/msg/ObjectHypothesisWithPose"](
        hypothesis=make["vision_msgs/msg/ObjectHypothesis"](class_id=str(name), score=score_ppm / PPM), pose=_nowhere(make)
    )
    return make["vision_msgs/msg/Detection2D"](header=header, results=[seen], bbox=box, id="")


def _nowhere(make: dict[str, Any]) -> Any:
    """A pose that nobody measured: a camera sees no depth."""
    import numpy as np

    pose = make["geometry_msgs/msg/Pose"](
        position=make["geometry_msgs/msg/Point"](x=0.0, y=0.0, z=0.0),
        orientation=make["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.0, w=1.0),
    )
    return make["geometry_msgs/msg/PoseWithCovariance"](pose=pose, covariance=np.zeros(36))


def battery(make: dict[str, Any], header: Any, document: dict[str, Any] | None) -> Any | None:
    """BatteryState from the goal for the battery; None where no charge was read; what is not known is NaN."""
    import numpy as np

    said = (document or {}).get("endurance") or {}
    if "charge_pct" not in said:
        return None
    unknown = ("voltage", "temperature", "current", "charge", "capacity", "design_capacity")
    return make["sensor_msgs/msg/BatteryState"](
        header=header,
        **dict.fromkeys(unknown, float("nan")),
        percentage=said["charge_pct"] / 100,
        power_supply_status=1 if said.get("fed") else 2,
        power_supply_health=0,
        power_supply_technology=0,
        present=True,
        cell_voltage=np.zeros(0, dtype=np.float32),
        cell_temperature=np.zeros(0, dtype=np.float32),
        location="simulated" if said.get("simulated") else "",
        serial_number="",
    )
