"""A ROS 2 node for people who have ROS sourced: /diagnostics from adaptd once a second.

source /opt/ros/jazzy/setup.bash
python3 docs/examples/adaptd_node.py        # adaptd.client needs nothing but Python's standard library
"""

from pathlib import Path

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node
from sensor_msgs.msg import Illuminance, Temperature

from adaptd.client import ApiError, default_socket, get_json
from adaptd.gateway.ros.diagnostics import measured, parts


class AdaptdNode(Node):
    """Asks the daemon once a second; while it does not answer, every part is STALE."""

    def __init__(self) -> None:
        super().__init__("adaptd")
        self.declare_parameter("socket", str(default_socket()))
        self.diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.temperature = self.create_publisher(Temperature, "/adaptd/temperature", 10)
        self.illuminance = self.create_publisher(Illuminance, "/adaptd/illuminance", 10)
        self.create_timer(1.0, self.tell)

    def tell(self) -> None:
        """One round."""
        reason, document = "", None
        try:
            document = get_json(Path(self.get_parameter("socket").value), "/v1/status")
        except ApiError as error:
            reason = str(error)
        array = DiagnosticArray()
        array.header.stamp = self.get_clock().now().to_msg()
        for part in parts(document, reason):
            status = DiagnosticStatus(
                level=bytes([part.level]), name=part.name, message=part.message, hardware_id=self.get_name()
            )
            status.values = [KeyValue(key=key, value=value) for key, value in part.values]
            array.status.append(status)
        self.diagnostics.publish(array)
        for publisher, kind, key, field in (
            (self.temperature, Temperature, "temperature_mc", "temperature"),
            (self.illuminance, Illuminance, "light_mlx", "illuminance"),
        ):
            value = measured(document, key)
            if value is not None:
                message = kind(**{field: value})
                message.header.stamp = array.header.stamp
                publisher.publish(message)


def main() -> None:
    """Spin until interrupted."""
    rclpy.init()
    rclpy.spin(AdaptdNode())


if __name__ == "__main__":
    main()
