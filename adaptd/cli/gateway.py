"""`adaptd gateway`: page, metrics and MQTT in a process of its own, which talks to the daemon over its socket alone."""

import argparse

from adaptd import __version__
from adaptd.cli.errors import refusing
from adaptd.cli.options import Sub, socket, verb
from adaptd.client import default_socket


def register(sub: Sub) -> None:
    words = "the live page, Prometheus and MQTT: a process of its own beside the daemon"
    more = "Serves the live page, /metrics and, with --mqtt, MQTT. Reads only, unless --commands is given."
    gateway = verb(sub, "gateway", words, run, socket, description=more)
    gateway.option("--host", "address to listen on; other than loopback needs --token-file", default="127.0.0.1")
    gateway.option("--port", "port to listen on (default 8460)", type=_port, default=8460)
    gateway.path("--token-file", "file of mode 0600 with the token that readers present", metavar="F")
    gateway.option("--proxy-header", "header by which a reverse proxy names its user", metavar="NAME")
    gateway.many("--proxy", "address of that proxy (default: loopback); may be repeated", metavar="IP")
    gateway.many("--allow-host", "also answer to this host name; may be repeated", metavar="NAME")
    gateway.flag("--commands", "let who has that right in --token-file change things; off by default")
    gateway.path("--audit", "the log's folder, where the daemon does not say", metavar="DIR")
    gateway.option("--box", "name of this device (default: its host name)", default="", metavar="NAME")
    gateway.path("--state", "folder for what must survive a restart (the outbox)", metavar="DIR")
    words = "send each new checkpoint there, as `adaptd audit send --to` takes it; may be repeated"
    gateway.many("--checkpoint-to", words, metavar="T")
    gateway.path("--checkpoint-keep", "folder for what witnesses send back", metavar="DIR")
    gateway.option("--mqtt", "publish to this broker: mqtt://HOST[:PORT] or mqtts://HOST[:PORT]", metavar="URL")
    gateway.path("--mqtt-credentials", "file of mode 0600: user name, then password", metavar="F")
    gateway.path("--mqtt-ca", "certificate authority that signed the broker's certificate", metavar="F")
    gateway.path("--mqtt-cert", "this device's certificate, where the broker asks for one", metavar="F")
    gateway.path("--mqtt-key", "the key of --mqtt-cert", metavar="F")
    gateway.option("--mqtt-version", "MQTT version (default 5)", choices=("5", "3.1.1"), default="5")
    gateway.flag("--fleet", "sign hours and prove the log's growth to `adaptd fleet serve`")
    gateway.path("--fleet-key", "the server's fleet.pub: it alone is heard (means --fleet)", metavar="F")
    gateway.flag("--fleet-policies", "hand policies that it offers to the daemon; off by default")
    gateway.path("--fleet-packs", "put packs that it offers on trial in DIR (run --packs)", metavar="DIR")
    gateway.path("--pack-key", "with --fleet-packs: the owner's public key (PEM)", metavar="F")
    words = "with --mqtt: also speak VDA 5050 to a fleet's master control, as this unit"
    gateway.option("--vda5050", words, metavar="MANUFACTURER/SERIAL")
    gateway.flag("--until-eof", argparse.SUPPRESS)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text}: is no port, give a number from 1 to 65535")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM."""
    from adaptd.gateway import GatewayError
    from adaptd.gateway.main import main
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
