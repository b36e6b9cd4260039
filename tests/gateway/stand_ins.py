"""A web server and a mail server on loopback that keep what they are given, and can be told to fail."""

import contextlib
import http.server
import json
import socketserver
import threading
from typing import Any


class WebServer:
    """Takes POSTs; ``fail`` answers 500 to all, ``refuse`` to those that contain a text."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.fail = False
        self.refuse = ""
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                bad = owner.fail or (owner.refuse and owner.refuse in raw.decode())
                if not bad:
                    owner.posts.append(json.loads(raw))
                self.send_response(500 if bad else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        """As apprise writes it."""
        return f"json://127.0.0.1:{self.port}/alerts"

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class MailServer:
    """As much SMTP as a mail needs."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        owner = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 stand-in")
                while line := self.rfile.readline():
                    verb = line[:4].upper().strip()
                    if verb == b"DATA":
                        self._say("354 go on")
                        text = b""
                        while (more := self.rfile.readline()) not in (b".\r\n", b""):
                            text += more
                        owner.mails.append(text.decode())
                    self._say("221 bye" if verb == b"QUIT" else "250 ok")
                    if verb == b"QUIT":
                        return

            def _say(self, words: str) -> None:
                with contextlib.suppress(OSError):
                    self.wfile.write(words.encode() + b"\r\n")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        """As apprise writes it."""
        return f"mailto://127.0.0.1:{self.port}?from=box@example.org&to=owner@example.org"

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
