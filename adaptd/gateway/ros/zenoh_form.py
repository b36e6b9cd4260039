"""rmw_zenoh's names on the wire: topic keys, liveliness tokens and the attachment of a message. Pure.

Source: rmw_zenoh's design document: a topic is ``domain/topic/type/hash``; an entity is announced by a token below ``@ros2_lv``;
an attachment is the sequence number and the time in nanoseconds, each 8 bytes little-endian, and the publisher's id of 16 bytes.
"""

import struct
from dataclasses import dataclass

QOS = "::,10:,:,:,,"  # reliable, volatile, keep the last ten: rmw_zenoh leaves out what is the default


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic (``/diagnostics``) with its type (``diagnostic_msgs/msg/DiagnosticArray``) and RIHS01 hash."""

    name: str
    kind: str
    digest: str
    domain: int = 0

    @property
    def dds_type(self) -> str:
        package, space, name = self.kind.split("/")
        return f"{package}::{space}::dds_::{name}_"

    @property
    def key(self) -> str:
        return f"{self.domain}/{self.name.strip('/')}/{self.dds_type}/{self.digest}"


def node_token(domain: int, session: str, node: str) -> str:
    """The liveliness token of a node in the root namespace."""
    return f"@ros2_lv/{domain}/{session}/0/0/NN/%/%/{node}"


def entity_token(topic: Topic, session: str, node: str, entity: int, kind: str = "MP") -> str:
    """The liveliness token of a publisher (``MP``) or of a service's server (``SS``)."""
    name = topic.name.replace("/", "%")
    return f"@ros2_lv/{topic.domain}/{session}/0/{entity}/{kind}/%/%/{node}/{name}/{topic.dds_type}/{topic.digest}/{QOS}"


def attachment(sequence: int, time_ns: int, publisher: bytes) -> bytes:
    """The 33 bytes beside a message; ``publisher`` has 16."""
    return struct.pack("<qqB16s", sequence, time_ns, 16, publisher)


def client_of(beside: bytes) -> tuple[int, bytes]:
    """Sequence number and client of a request, from what lies beside it; a response carries both again.

    Raises:
        ValueError: these are not the 33 bytes.
    """
    if len(beside) != 33 or beside[16] != 16:
        raise ValueError(f"{len(beside)} bytes beside the request, 33 are needed")
    sequence, _, _, client = struct.unpack("<qqB16s", beside)
    return int(sequence), bytes(client)
