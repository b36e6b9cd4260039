"""`adaptd gateway`: page, metrics and MQTT in a process of its own, which talks to the daemon over its socket alone."""

import argparse
from pathlib import Path

from adaptd import __version__
from adaptd.cli.errors import CommandError, refusing
from adaptd.client import default_socket


def register(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = sub.add_parser(
        "gateway",
        help="the live page, Prometheus and MQTT: a process of its own beside the daemon",
        description="Serves the live page, /metrics and, with --mqtt, MQTT. Reads only, unless --commands is given.",
    )
    parser.add_argument("--socket", type=Path, default=None, help="the daemon's socket")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; other than loopback needs --token-file")
    parser.add_argument("--port", type=_port, default=8460, help="port to listen on (default 8460)")
    parser.add_argument("--token-file", type=Path, metavar="F", help="file of mode 0600 with the token that readers present")
    parser.add_argument("--proxy-header", metavar="NAME", help="header by which a reverse proxy names its user")
    parser.add_argument(
        "--proxy", action="append", default=[], metavar="IP", help="address of that proxy (default: loopback); may be repeated"
    )
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="also answer to this host name; may be repeated"
    )
    parser.add_argument(
        "--commands", action="store_true", help="let who has that right in --token-file change things; off by default"
    )
    parser.add_argument("--audit", type=Path, metavar="DIR", help="the log's folder, where the daemon does not say")
    parser.add_argument("--box", default="", metavar="NAME", help="name of this device (default: its host name)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="folder for what must survive a restart (the outbox)")
    parser.add_argument(
        "--checkpoint-to", action="append", default=[], metavar="T",
        help="send each new checkpoint there, as `adaptd audit send --to` takes it; may be repeated",
    )  # fmt: skip
    parser.add_argument("--checkpoint-keep", type=Path, metavar="DIR", help="folder for what witnesses send back")
    parser.add_argument("--mqtt", metavar="URL", help="publish to this broker: mqtt://HOST[:PORT] or mqtts://HOST[:PORT]")
    parser.add_argument("--mqtt-credentials", type=Path, metavar="F", help="file of mode 0600: user name, then password")
    parser.add_argument("--mqtt-ca", type=Path, metavar="F", help="certificate authority that signed the broker's certificate")
    parser.add_argument("--mqtt-cert", type=Path, metavar="F", help="this device's certificate, where the broker asks for one")
    parser.add_argument("--mqtt-key", type=Path, metavar="F", help="the key of --mqtt-cert")
    parser.add_argument("--mqtt-version", choices=("5", "3.1.1"), default="5", help="MQTT version (default 5)")
    parser.add_argument("--fleet", action="store_true", help="sign hours and prove the log's growth to `adaptd fleet serve`")
    parser.add_argument("--fleet-key", type=Path, metavar="F", help="the server's fleet.pub: it alone is heard (means --fleet)")
    parser.add_argument(
        "--fleet-policies", action="store_true", help="hand policies that it offers to the daemon; off by default"
    )
    parser.add_argument("--fleet-packs", type=Path, metavar="DIR", help="put packs that it offers on trial in DIR (run --packs)")
    parser.add_argument("--pack-key", type=Path, metavar="F", help="with --fleet-packs: the owner's public key (PEM)")
    parser.add_argument(
        "--vda5050",
        metavar="MANUFACTURER/SERIAL",
        help="with --mqtt: also speak VDA 5050 to a fleet's master control, as this unit",
    )
    parser.add_argument("--until-eof", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(handler=run)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text}: is no port, give a number from 1 to 65535")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM."""
    try:
        from adaptd.gateway.main import main
    except ImportError as error:
        raise CommandError(f"adaptd gateway: {error.name} is not installed: pip install 'adaptd[gateway]'") from None
    from adaptd.gateway import GatewayError
    from adaptd.gateway.plugins import Arguments

    words = {name: value for name, value in vars(arguments).items() if name in Arguments.__dataclass_fields__}
    words.update(
        version=__version__,
        socket=arguments.socket or default_socket(),
        hosts=tuple(arguments.allow_host),
        proxies=tuple(arguments.proxy),
        checkpoint_to=tuple(arguments.checkpoint_to),
    )
    with refusing(GatewayError, code=2):
        return main(Arguments(**words))
