"""Record a real `adaptd run` and save what the terminal showed as docs/terminal.svg."""

import argparse
import os
import pty
import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 132


def recorded(words: list[str]) -> str:
    """What a command prints on a terminal, with its colours."""
    leader, follower = pty.openpty()
    with subprocess.Popen(words, stdout=follower, stderr=follower, stdin=subprocess.DEVNULL, cwd=ROOT, close_fds=True) as process:
        os.close(follower)
        pieces = []
        while True:
            try:
                piece = os.read(leader, 65_536)
            except OSError:
                break
            if not piece:
                break
            pieces.append(piece)
        process.wait()
    os.close(leader)
    return b"".join(pieces).decode(errors="replace").replace("\r\n", "\n")


def main() -> int:
    """Run the main job and its verification, and draw both."""
    from rich.console import Console
    from rich.text import Text

    parser = argparse.ArgumentParser()
    parser.add_argument("--duration", default="60s")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "terminal.svg")
    arguments = parser.parse_args()
    adaptd = str(Path(sys.executable).parent / "adaptd")
    with tempfile.TemporaryDirectory() as folder:
        log = f"{folder}/audit_logs"
        run = recorded([adaptd, "run", "--duration", arguments.duration, "--audit", log, "--socket", f"{folder}/adaptd.sock"])
        check = recorded([adaptd, "audit", "verify", log])
    text = f"$ make run ARGS='--duration {arguments.duration}'\n{run}\n$ adaptd audit verify audit_logs\n{check}"
    text = text.replace(folder + "/", "").replace(str(ROOT) + "/", "").replace(f"{socket.gethostname()}:", "box:")
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115 - one process
    console.print(Text.from_ansi(text))
    svg = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="adaptd", clear=True), flags=re.DOTALL)
    arguments.output.write_text(svg.replace("Fira Code", "DejaVu Sans Mono"))
    print(f"wrote {arguments.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
