"""`python -m adaptd.gateway.ros.bridge`: /diagnostics, /adaptd/temperature and /adaptd/illuminance once a second (extra `ros`).

Speaks to a Zenoh router (rmw_zenohd) as ROS 2 nodes with RMW_IMPLEMENTATION=rmw_zenoh_cpp do. It only reads the daemon.
"""

import argparse
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import zenoh
from rosbags.typesys import Stores, get_typestore

from adaptd.client import ApiError, default_socket, get_json
from adaptd.gateway.ros.diagnostics import measured, parts
from adaptd.gateway.ros.zenoh_form import Topic, attachment, node_token, publisher_token

NODE = "adaptd"
DIAGNOSTICS = ("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray")
TEMPERATURE = ("/adaptd/temperature", "sensor_msgs/msg/Temperature")
ILLUMINANCE = ("/adaptd/illuminance", "sensor_msgs/msg/Illuminance")
RELEASES = {"humble": Stores.ROS2_HUMBLE, "jazzy": Stores.ROS2_JAZZY}


class Bridge:
    """Publishes status documents on one Zenoh session. ``box`` is the hardware id in diagnostics."""

    def __init__(self, session: Any, box: str, *, domain: int = 0, release: str = "jazzy") -> None:
        self._session, self._box = session, box
        self._store = get_typestore(RELEASES[release])
        self._types: dict[str, Any] = self._store.types
        self._sequence = 0
        self._publisher = os.urandom(16)
        kinds = (DIAGNOSTICS, TEMPERATURE, ILLUMINANCE)
        self._topics = {name: Topic(name, kind, self._store.hash_rihs01(kind), domain) for name, kind in kinds}
        zid, liveliness = str(session.zid()), session.liveliness()
        tokens = [node_token(domain, zid, NODE)]
        tokens += [publisher_token(topic, zid, NODE, at) for at, topic in enumerate(self._topics.values(), 1)]
        self._tokens = [liveliness.declare_token(token) for token in tokens]

    def publish(self, document: dict[str, Any] | None, now_ns: int, reason: str = "") -> None:
        """One status document; None where the daemon does not answer. A missing sensor publishes nothing but its STALE status."""
        header = self._header(now_ns)
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

    def _header(self, now_ns: int) -> Any:
        stamp = self._types["builtin_interfaces/msg/Time"](sec=now_ns // 10**9, nanosec=now_ns % 10**9)
        return self._types["std_msgs/msg/Header"](stamp=stamp, frame_id=NODE)

    def _put(self, topic: tuple[str, str], message: Any, now_ns: int) -> None:
        name, kind = topic
        self._sequence += 1
        data = bytes(np.asarray(self._store.serialize_cdr(message, kind)))
        self._session.put(self._topics[name].key, data, attachment=attachment(self._sequence, now_ns, self._publisher))


def main() -> int:
    """Publish once a second until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", type=Path, default=default_socket(), help="the daemon's socket")
    parser.add_argument("--router", default="tcp/127.0.0.1:7447", help="the Zenoh router (default: rmw_zenohd on this machine)")
    parser.add_argument("--domain", type=int, default=int(os.environ.get("ROS_DOMAIN_ID", "0")), help="ROS_DOMAIN_ID")
    parser.add_argument("--release", choices=sorted(RELEASES), default="jazzy", help="whose message definitions")
    words = parser.parse_args()
    config = zenoh.Config()
    config.insert_json5("mode", '"client"')
    config.insert_json5("connect/endpoints", f'["{words.router}"]')
    try:
        session: Any = zenoh.open(config)
    except zenoh.ZError as error:
        why = str(error).splitlines()[0][:120]
        sys.stderr.write(f"ros: {words.router}: no Zenoh router ({why}), start `ros2 run rmw_zenoh_cpp rmw_zenohd`\n")
        return 1
    bridge = Bridge(session, socket.gethostname(), domain=words.domain, release=words.release)
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


if __name__ == "__main__":
    sys.exit(main())
