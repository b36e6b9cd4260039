"""The outside world in one process: a C2SP witness and a time stamp authority on loopback, made anew for each test."""

import base64
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from adaptd.log.format import keys, note
from adaptd.log.format.tree import node_hash


def consistent(old: int, new: int, root_old: bytes, root_new: bytes, proof: list[bytes]) -> bool:
    """RFC 9162 section 2.1.4.2: whether ``proof`` shows that the tree of ``old`` leaves begins the one of ``new``."""
    if old == new:
        return root_old == root_new and not proof
    path = [root_old, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    left = right = path[0]
    for one in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            left, right = node_hash(one, left), node_hash(one, right)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            right = node_hash(right, one)
        fn, sn = fn >> 1, sn >> 1
    return (left, right, sn) == (root_old, root_new, 0)


class Witness:
    """Cosigns what grows out of what it has seen, and nothing else."""

    def __init__(self) -> None:
        self.signer = keys.Signer.generate("witness.example/w1")
        self.key = note.VerifierKey(self.signer.name, note.COSIGNATURE, self.signer.public)
        self.seen: tuple[int, bytes] | None = None
        self.time_s = 1_790_000_100
        self.asked = 0

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer, as C2SP tlog-witness says."""
        self.asked += 1
        head, _, text = body.decode().partition("\n\n")
        first, *proof = head.split("\n")
        found = note.parse_checkpoint(note.parse_note(text).body)
        size, root = self.seen or (0, b"")
        if int(first.removeprefix("old ")) != size:
            return 409, f"{size}\n".encode()
        if size and not consistent(size, found.size, root, found.root, [base64.b64decode(one) for one in proof]):
            return 422, b"the proof does not hold"
        self.seen = (found.size, found.root)
        signed_body = note.parse_note(text).body
        data = self.time_s.to_bytes(8, "big") + self.signer.sign_bytes(note.cosigned_message(signed_body, self.time_s))
        return 200, note.signature_line(note.Signature(self.key.name, self.key.key_id, data)).encode()


CONFIG = """[tsa]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
[ext]
extendedKeyUsage = critical,timeStamping
[req]
distinguished_name = dn
[dn]
"""


class Authority:
    """An RFC 3161 authority of openssl's own making, with a certificate that signs itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "serial").write_text("01\n")
        (folder / "conf").write_text(CONFIG.format(folder=folder))
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-days", "9",
                     "-subj", "/CN=Test TSA", "-config", "conf", "-extensions", "ext")  # fmt: skip

    def openssl(self, *words: str) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

    def stamp(self, query: bytes) -> tuple[int, bytes]:
        (self.folder / "query").write_bytes(query)
        self.openssl("ts", "-reply", "-queryfile", "query", "-signer", "cert", "-inkey", "key", "-config", "conf",
                     "-section", "tsa", "-out", "reply")  # fmt: skip
        return 200, (self.folder / "reply").read_bytes()


@contextmanager
def served(answer: Any) -> Iterator[str]:
    """``answer(body) -> status, body`` behind an http address on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
