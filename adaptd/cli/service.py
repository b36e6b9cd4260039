"""`adaptd service show | install | uninstall`: the systemd units of the daemon and the gateway."""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from adaptd.base.redact import redact
from adaptd.cli.errors import CommandError, refusing
from adaptd.cli.options import Sub, Words, verb, verbs
from adaptd.cli.profile import find_profile
from adaptd.cli.service_gateway import NAME as GATEWAY_NAME
from adaptd.cli.service_gateway import OWN_USER, gateway_unit, gateway_words, write_gateway
from adaptd.cli.service_unit import CREDENTIAL, PACKS, UNIT_NAME, Wanted, credentials, refuse_hidden, unit_text
from adaptd.cli.unit_sandbox import USERADD, command, run_words, write_secret


def register(sub: Sub) -> None:
    group = verbs(sub, "service", "the systemd units of daemon and gateway: show, install, uninstall")
    show = verb(group, "show", "print the unit", _show, _root, _served)
    gateway_words(show, "print the gateway's unit instead")
    install = verb(group, "install", "write the units, the user and the folders", _install, _root, _served)
    gateway_words(install, "start the gateway as well: page, Prometheus, MQTT")
    install.path("--policy", "policy to install (default: keep, or the feeder's)")
    install.flag("--dry-run", "print the unit and try its sandbox; write nothing")
    verb(group, "uninstall", "stop the services and remove the units; the log stays", _uninstall, _root)


def _root(words: Words) -> None:
    words.path("--root", "install below this folder instead of /", default=Path("/"))


def _served(words: Words) -> None:
    sources = "what the service serves, as for `adaptd run`; several cameras each with a name, and each with its options"
    words.many("--source", sources, metavar="[NAME=]SOURCE")
    words.path("--bundle", "bundle folder (default: the shipped one)")
    words.option("--profile", "hardware profile (default: the board's own)")
    words.path("--pack-key", f"run packs in {PACKS} that this key signed", metavar="F")
    words.flag("--network", "let the service reach the network, for a network camera")


def _show(arguments: argparse.Namespace) -> int:
    print(gateway_unit(arguments) if arguments.gateway else unit_text(_wanted(arguments, needed=False)), end="")
    return 0


def _wanted(arguments: argparse.Namespace, *, needed: bool) -> Wanted:
    """What the service is to serve, checked as `adaptd run` checks it."""
    sources = _sources(arguments.source, network=arguments.network)
    if needed and not sources:
        raise CommandError(
            "service install: no --source, the service has no picture of its own; name a camera, address or file", 2
        )
    bundle = None if arguments.bundle is None else arguments.bundle.absolute()
    if bundle is not None and not (bundle / "manifest.json").is_file():
        raise CommandError(f"service install: {bundle}: is no bundle, make one with `adaptd engine build`")
    profile = arguments.profile or ""
    if profile and needed:
        found = find_profile(profile)
        profile = str(found.absolute()) if Path(profile).is_file() else profile
    key = None if arguments.pack_key is None else arguments.pack_key.absolute()
    if key is not None and not key.is_file():
        raise CommandError(f"service install: {key}: is no file, name the owner's public key (PEM)")
    return Wanted(sources, bundle, profile, arguments.network, key)


def _sources(texts: list[str], *, network: bool) -> tuple[str, ...]:
    """The sources as the unit has them, each checked, with its options; files with their whole path."""
    from adaptd.protocol.source_spec import SourceError, cameras_of, named, on_the_network, parse_source, written_elsewhere

    with refusing(SourceError, where="service install: "):
        pairs = [named(text) for text in texts]
        given = [(name, source, written_elsewhere(source)) for name, source in pairs]
        cameras_of([f"{name}={real}" if name else real for name, _, real in given])
    found = []
    for name, source, real in given:
        kind = parse_source(real).kind
        if kind == "camera" and on_the_network(real) and not network:
            raise CommandError(
                f"service install: {redact(source)} needs a network, which the sandbox closes; allow it with --network"
            )
        whole = str(Path(source).absolute()) if kind in ("video", "folder") and source == real else source
        found.append(f"{name}={whole}" if name else whole)
    return tuple(found)


def _install(arguments: argparse.Namespace) -> int:
    from adaptd.config.policy import load_policy
    from adaptd.config.shipped import policies_dir

    root: Path = arguments.root
    live = root == Path("/")
    wanted, gateway = _wanted(arguments, needed=True), gateway_unit(arguments)
    if arguments.policy is not None:
        load_policy(arguments.policy)
    if live:
        refuse_hidden(wanted)
    if arguments.dry_run:
        print(unit_text(wanted), end="")
        return _dry_run(wanted)
    if live and os.geteuid() != 0:
        raise CommandError("service install: needs root, run it with sudo")
    unit, policy = root / "etc/systemd/system" / UNIT_NAME, root / "etc/adaptd/policy.yaml"
    unit.parent.mkdir(parents=True, exist_ok=True)
    policy.parent.mkdir(parents=True, exist_ok=True)
    unit.write_text(unit_text(wanted))
    print(f"wrote {unit}")
    write_gateway(root, gateway)
    _write_secrets(root, wanted)
    if arguments.policy is not None:
        policy.write_text(arguments.policy.read_text())
        print(f"wrote {policy} (from {arguments.policy})")
    elif not policy.exists():
        policy.write_text((policies_dir() / "default.yaml").read_text())
        print(f"wrote {policy} (the feeder policy, tune it)")
    if live:
        _start(arguments, wanted)
    return 0


def _start(arguments: argparse.Namespace, wanted: Wanted) -> None:
    run_words(*USERADD, "--user-group", "adaptd", may_fail=True)
    if arguments.gateway_user != OWN_USER:
        run_words(*USERADD, "--gid", "adaptd", arguments.gateway_user, may_fail=True)
    run_words("systemctl", "daemon-reload")
    _dry_run(wanted)
    run_words("systemctl", "enable", "--now", UNIT_NAME)
    print("started; look with `adaptd status`")
    if arguments.gateway:
        run_words("systemctl", "enable", "--now", GATEWAY_NAME)
        print("gateway started; its page is http://127.0.0.1:8460/")
    else:
        print(f"the gateway is not started; do it with `systemctl enable --now {GATEWAY_NAME}`")


def _write_secrets(root: Path, wanted: Wanted) -> None:
    """Sources with a password go into files that root alone reads; systemd hands them to the unit as credentials."""
    first = root / CREDENTIAL.lstrip("/")
    for old in (first, *first.parent.glob(f"{first.name}.*")):
        old.unlink(missing_ok=True)  # of an earlier installation
    for path, source in credentials(wanted):
        place = root / str(path).lstrip("/")
        write_secret(place, source)
        print(f"wrote {place} (mode 0600: it holds a password)")


def _dry_run(wanted: Wanted) -> int:
    """`adaptd doctor` once inside the same sandbox: what the unit will not see is found before it is started."""
    if shutil.which("systemd-run") is None or not Path("/run/systemd/system").is_dir():
        print("no dry run: this machine is not run by systemd", file=sys.stderr)
        return 0
    lines = [line for line in unit_text(wanted).partition("[Service]")[2].partition("[Install]")[0].splitlines() if "=" in line]
    left_out = ("#", "Exec", "LoadCredential=", "Type=", "Watchdog", "Restart", "RuntimeDirectory", "State")
    sandbox = [word for line in lines if not line.startswith(left_out) for word in ("-p", line)]
    program = shutil.which("systemd-run") or "systemd-run"
    done = subprocess.run(  # noqa: S603 - fixed words
        [program, "--wait", "--pipe", "--quiet", "--collect", *sandbox, *command().split(), "doctor", "--json"],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode not in (0, 1) or not done.stdout.startswith("{"):
        last = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
        raise CommandError(f"service install: adaptd does not start inside the sandbox: {last[:200]}")
    print("dry run: adaptd starts inside the sandbox")
    return 0


def _uninstall(arguments: argparse.Namespace) -> int:
    root: Path = arguments.root
    unit = root / "etc/systemd/system" / UNIT_NAME
    if not unit.exists():
        raise CommandError(f"{unit}: is not installed, nothing to remove")
    if root == Path("/"):
        if os.geteuid() != 0:
            raise CommandError("service uninstall: needs root, run it with sudo")
        run_words("systemctl", "disable", "--now", UNIT_NAME, may_fail=True)
        run_words("systemctl", "disable", "--now", GATEWAY_NAME, may_fail=True)
    unit.unlink()
    unit.with_name(GATEWAY_NAME).unlink(missing_ok=True)
    if root == Path("/"):
        run_words("systemctl", "daemon-reload")
    print(f"removed {unit} and the gateway's; /etc/adaptd and /var/lib/adaptd stay, remove them by hand once you need no log")
    return 0
