"""`python -m adaptd.gateway.ros.bridge`: an adaptd node on ROS 2 without ROS (extra `ros`).

Once a second /diagnostics, /adaptd/temperature, /adaptd/illuminance and /adaptd/battery_state; with --results every result as
vision_msgs; with --commands budget and hold as parameters of the node. Speaks to a Zenoh router (rmw_zenohd) as ROS 2 nodes with
RMW_IMPLEMENTATION=rmw_zenoh_cpp do.
"""

import argparse
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import zenoh

from adaptd.client import ApiError, call, default_socket, get_json, results
from adaptd.gateway.ros.definitions import RELEASES, SERVICES, hash_of, store_of
from adaptd.gateway.ros.diagnostics import measured, parts
from adaptd.gateway.ros.parameters import Parameters
from adaptd.gateway.ros.vision import CLASSIFICATION, DETECTIONS, Camera, battery, classification, detections, stamp_ns
from adaptd.gateway.ros.zenoh_form import Topic, attachment, client_of, entity_token, node_token

NODE = "adaptd"
DIAGNOSTICS = ("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray")
TEMPERATURE = ("/adaptd/temperature", "sensor_msgs/msg/Temperature")
ILLUMINANCE = ("/adaptd/illuminance", "sensor_msgs/msg/Illuminance")
BATTERY = ("/adaptd/battery_state", "sensor_msgs/msg/BatteryState")
STATUS = (DIAGNOSTICS, TEMPERATURE, ILLUMINANCE, BATTERY)
AGAIN_S = 2.0


class Bridge:
    """Publishes on one Zenoh session. ``box`` is the hardware id in diagnostics; with ``camera`` results are announced too."""

    def __init__(self, session: Any, box: str, *, domain: int = 0, release: str = "jazzy", camera: Camera | None = None) -> None:
        self._session, self._box, self._domain, self._release = session, box, domain, release
        self.store: Any = store_of(release)
        self._types: dict[str, Any] = self.store.types
        self._camera = camera or Camera()
        self._sequence, self._lock = 0, threading.Lock()
        self._publisher = os.urandom(16)
        kinds = STATUS if camera is None else (*STATUS, DETECTIONS, CLASSIFICATION)
        self._topics = {name: Topic(name, kind, hash_of(self.store, kind, release), domain) for name, kind in kinds}
        self._zid = str(session.zid())
        self._tokens = [session.liveliness().declare_token(node_token(domain, self._zid, NODE))]
        for topic in self._topics.values():
            self._announce(topic, "MP")
        self._queryables: list[Any] = []

    def _announce(self, topic: Topic, kind: str) -> None:
        token = entity_token(topic, self._zid, NODE, len(self._tokens), kind)
        self._tokens.append(self._session.liveliness().declare_token(token))

    def publish(self, document: dict[str, Any] | None, now_ns: int, reason: str = "") -> None:
        """One status document; None where the daemon does not answer. A missing sensor publishes nothing but its STALE status."""
        header = self._header(now_ns, NODE)
        make = self._types
        status = [
            make["diagnostic_msgs/msg/DiagnosticStatus"](
                level=int(part.level),
                name=part.name,
                message=part.message,
                hardware_id=self._box,
                values=[make["diagnostic_msgs/msg/KeyValue"](key=key, value=value) for key, value in part.values],
            )
            for part in parts(document, reason or "the daemon does not answer")
        ]
        self._put(DIAGNOSTICS, make[DIAGNOSTICS[1]](header=header, status=status), now_ns)
        for topic, key, field in ((TEMPERATURE, "temperature_mc", "temperature"), (ILLUMINANCE, "light_mlx", "illuminance")):
            value = measured(document, key)
            if value is not None:
                self._put(topic, make[topic[1]](header=header, variance=0.0, **{field: value}), now_ns)
        charge = battery(make, header, document)
        if charge is not None:
            self._put(BATTERY, charge, now_ns)

    def see(self, result: dict[str, Any], mono_ns: int, wall_ns: int) -> None:
        """One result, under the moment its frame arrived and the camera's frame; detections where it has boxes."""
        header = self._header(stamp_ns(result, mono_ns, wall_ns), self._camera.frame_of(result))
        if "boxes" in result:
            self._put(DETECTIONS, detections(self._types, header, result, self._camera), wall_ns)
        else:
            self._put(CLASSIFICATION, classification(self._types, header, result), wall_ns)

    def offer(self, parameters: Parameters) -> None:
        """Answer the services of parameters, ``/adaptd/set_parameters`` and its like."""
        for kind in SERVICES:
            name = "".join(f"_{one.lower()}" if one.isupper() else one for one in kind.rpartition("/")[2]).lstrip("_")
            service = Topic(f"/{NODE}/{name}", kind, hash_of(self.store, kind, self._release), self._domain)
            self._queryables.append(self._session.declare_queryable(service.key, self._asked(service, kind, parameters)))
            self._announce(service, "SS")

    def _asked(self, service: Topic, kind: str, parameters: Parameters) -> Any:
        def one(query: Any) -> None:
            try:
                request = self.store.deserialize_cdr(bytes(query.payload), f"{kind}_Request")
                sequence, client = client_of(bytes(query.attachment or b""))
            except (ValueError, TypeError, KeyError, IndexError, AssertionError) as error:
                sys.stderr.write(f"ros: a request on {service.name} cannot be read ({error}), it is passed over\n")
                return
            answer = self.store.serialize_cdr(parameters.answer(kind, request), f"{kind}_Response")
            query.reply(service.key, bytes(np.asarray(answer)), attachment=attachment(sequence, time.time_ns(), client))

        return one

    def _header(self, now_ns: int, frame: str) -> Any:
        stamp = self._types["builtin_interfaces/msg/Time"](sec=now_ns // 10**9, nanosec=now_ns % 10**9)
        return self._types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame)

    def _put(self, topic: tuple[str, str], message: Any, now_ns: int) -> None:
        name, kind = topic
        with self._lock:
            self._sequence += 1
            sequence = self._sequence
        data = bytes(np.asarray(self.store.serialize_cdr(message, kind)))
        self._session.put(self._topics[name].key, data, attachment=attachment(sequence, now_ns, self._publisher))


def follow(bridge: Bridge, path: Path) -> None:
    """Publish results for ever; while nobody serves any, try again now and then."""
    while True:
        try:
            for result in results(path):
                bridge.see(result, time.clock_gettime_ns(time.CLOCK_MONOTONIC), time.time_ns())
        except (ApiError, OSError, ValueError) as error:
            sys.stderr.write(f"ros: {error}\n")
        time.sleep(AGAIN_S)


def main() -> int:
    words = _words()
    config = zenoh.Config()
    config.insert_json5("mode", '"client"')
    config.insert_json5("connect/endpoints", f'["{words.router}"]')
    try:
        session: Any = zenoh.open(config)
    except zenoh.ZError as error:
        why = str(error).splitlines()[0][:120]
        sys.stderr.write(f"ros: {words.router}: no Zenoh router ({why}), start `ros2 run rmw_zenoh_cpp rmw_zenohd`\n")
        return 1
    camera = Camera(words.frame, *words.picture) if words.results else None
    bridge = Bridge(session, socket.gethostname(), domain=words.domain, release=words.release, camera=camera)
    if words.commands:
        bridge.offer(Parameters(bridge.store.types, lambda verb, body: call(words.socket, "POST", verb, body)))
    if camera is not None:
        threading.Thread(target=follow, args=(bridge, words.socket), daemon=True).start()
    try:
        while True:
            try:
                bridge.publish(get_json(words.socket, "/v1/status"), time.time_ns())
            except ApiError as error:
                bridge.publish(None, time.time_ns(), str(error))
            time.sleep(1.0)
    except KeyboardInterrupt:
        return 0
    finally:
        session.close()


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", type=Path, default=default_socket(), help="the daemon's socket")
    parser.add_argument("--router", default="tcp/127.0.0.1:7447", help="the Zenoh router (default: rmw_zenohd on this machine)")
    parser.add_argument("--domain", type=int, default=int(os.environ.get("ROS_DOMAIN_ID", "0")), help="ROS_DOMAIN_ID")
    parser.add_argument("--release", choices=sorted(RELEASES), default="jazzy", help="whose message definitions")
    parser.add_argument("--results", action="store_true", help="publish every result as vision_msgs")
    parser.add_argument("--frame", default="camera", help="frame_id of the camera (default: camera)")
    parser.add_argument(
        "--picture", type=_size, default=(640, 480), metavar="WxH", help="its picture in pixels (default 640x480)"
    )
    parser.add_argument("--commands", action="store_true", help="offer budget and hold as parameters of the node")
    return parser.parse_args()


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is no size, write for example 1280x720")
    return int(width), int(height)


if __name__ == "__main__":
    sys.exit(main())
