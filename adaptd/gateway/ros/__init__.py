"""ROS 2 without ROS: status as diagnostics and sensor messages, in the wire form of rmw_zenoh, from Python packages alone."""
