"""Budget and hold as parameters of the node: `ros2 param set /adaptd budget_w 10.0`, `... hold_minutes 30`.

Both only restrict, as everywhere; the daemon decides and its log names who asked. They are there only where the owner starts the
bridge with --commands. Pure but for ``send``, which asks the daemon.
"""

from collections.abc import Callable
from typing import Any

from adaptd.client import ApiError

INTEGER, DOUBLE = 2, 3  # rcl_interfaces/msg/ParameterType
# name: (type, verb of the daemon, key in its body, most)
KNOWN: dict[str, tuple[int, str, str, float]] = {
    "budget_w": (DOUBLE, "/v1/budget", "watts", 10_000),
    "hold_minutes": (INTEGER, "/v1/hold", "minutes", 1_440),
}
Send = Callable[[str, dict[str, Any]], object]


class Parameters:
    """What was asked for last, 0 where nothing was."""

    def __init__(self, make: dict[str, Any], send: Send) -> None:
        self._make, self._send = make, send
        self._values: dict[str, float] = dict.fromkeys(KNOWN, 0)

    def answer(self, service: str, request: Any) -> Any:
        """The response to a request of one of the three services."""
        make = self._make
        if service.endswith("SetParameters"):
            results = [self._set(one) for one in request.parameters]
            return make[f"{service}_Response"](results=results)
        if service.endswith("GetParameters"):
            return make[f"{service}_Response"](values=[self._value(name) for name in request.names])
        listed = make["rcl_interfaces/msg/ListParametersResult"](names=sorted(KNOWN), prefixes=[])
        return make[f"{service}_Response"](result=listed)

    def _set(self, parameter: Any) -> Any:
        name, value = parameter.name, parameter.value
        result = self._make["rcl_interfaces/msg/SetParametersResult"]
        if name not in KNOWN:
            return result(successful=False, reason=f"{name}: is no parameter of adaptd, one of {', '.join(sorted(KNOWN))} is")
        kind, verb, key, most = KNOWN[name]
        number = {INTEGER: value.integer_value, DOUBLE: value.double_value}.get(value.type)
        if number is None or (kind == INTEGER and value.type != INTEGER) or not 0 <= number <= most:
            wanted = "a whole number" if kind == INTEGER else "a number"
            return result(successful=False, reason=f"{name}: {wanted} from 0 to {most:g} is needed, 0 gives it back")
        try:
            self._send(verb, {key: number, "by": "ros parameter", "reason": f"{name} set over ROS 2"})
        except ApiError as error:
            return result(successful=False, reason=str(error))
        self._values[name] = number
        return result(successful=True, reason="")

    def _value(self, name: str) -> Any:
        kind = KNOWN[name][0] if name in KNOWN else 0
        number = self._values.get(name, 0)
        return value_of(self._make, kind, number)


def value_of(make: dict[str, Any], kind: int, number: float) -> Any:
    """A ParameterValue of a type that holds a number; of type 0 (not set) it holds none."""
    import numpy as np

    return make["rcl_interfaces/msg/ParameterValue"](
        type=kind,
        bool_value=False,
        integer_value=int(number) if kind == INTEGER else 0,
        double_value=float(number) if kind == DOUBLE else 0.0,
        string_value="",
        byte_array_value=np.zeros(0, dtype=np.uint8),
        bool_array_value=np.zeros(0, dtype=np.bool_),
        integer_array_value=np.zeros(0, dtype=np.int64),
        double_array_value=np.zeros(0, dtype=np.float64),
        string_array_value=[],
    )
