"""Alerts to telephones and mailboxes through apprise, in a process of its own: ``python -m adaptd.gateway.notify --config F``.

Each address of the configuration is a channel of the outbox: it gets each alert at least once, retried until it takes it. Alerts
of the class clinical are never held back. Of the others an address gets so many an hour; what is beyond comes as one digest.
"""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from adaptd.client import default_state
from adaptd.gateway.notify_config import Config, config_of
from adaptd.gateway.notify_text import Text, digest_text, message_text, trial_text
from adaptd.gateway.outbox import FILE_NAME, Message, Outbox
from adaptd.gateway.outbox_schema import OutboxError
from adaptd.gateway.secret_file import SettingsError
from adaptd.gateway.spool import fetch_alerts

CHANNEL = "notify:"
PAUSE_S = 2.0
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 600.0
HOUR_S = 3600.0
LOOK_AT = 200
CLINICAL = "clinical"

Send = Callable[[Text, bytes | None], bool]
Say = Callable[[str], None]


class Address:
    """One address: its channel, how it is reached, and its pace. ``mono_s`` is a monotonic clock."""

    def __init__(
        self,
        channel: str,
        shown: str,
        send: Send,
        config: Config,
        mono_s: Callable[[], float] = time.monotonic,
        why: Callable[[], str] = str,
    ) -> None:
        self.channel, self.shown, self._why = channel, shown, why
        self._send, self._config, self._mono_s = send, config, mono_s
        self._sent_s: list[float] = []
        self._not_before_s = 0.0
        self._wait_s = FIRST_WAIT_S

    def serve(self, outbox: Outbox, say: Say) -> int:
        """Send what waits and may be sent now; returns how many alerts were delivered."""
        if self._mono_s() < self._not_before_s:
            return 0
        # What was tried most comes last: one alert that a service never takes holds up no other.
        waiting = sorted(outbox.waiting(self.channel, LOOK_AT), key=lambda one: one.tries)
        clinical = [one for one in waiting if one.grade == CLINICAL]
        others = [one for one in waiting if one.grade != CLINICAL]
        delivered = 0
        for group in [*([one] for one in clinical), *self._paced(others)]:
            if not self._deliver(group, outbox, say):
                break
            delivered += len(group)
        return delivered

    def send_trial(self, text: Text) -> str:
        """Send one text past the outbox; what came of it, empty where the service took it."""
        return "" if self._send(text, None) else f"did not take it{self._reason()}"

    def _reason(self) -> str:
        """What was wrong the last time, in brackets where it is known."""
        return f" ({self._why()})" if self._why() else ""

    def _paced(self, others: list[Message]) -> list[list[Message]]:
        """One by one while the hour has room; after a stop what was held back comes together."""
        now_s = self._mono_s()
        self._sent_s = [then_s for then_s in self._sent_s if now_s - then_s < HOUR_S]
        room = self._config.most_an_hour - len(self._sent_s)
        if room <= 0 or not others:
            return []
        if len(others) <= room:
            return [[one] for one in others]
        return [*([one] for one in others[: room - 1]), others[room - 1 :]]

    def _deliver(self, group: list[Message], outbox: Outbox, say: Say) -> bool:
        text = message_text(group[0]) if len(group) == 1 else digest_text(group)
        picture = group[0].picture if len(group) == 1 and self._config.pictures else None
        ids = [one.id for one in group]
        outbox.tried(self.channel, ids)
        if not self._send(text, picture):
            self._not_before_s = self._mono_s() + self._wait_s
            say(f"{self.shown} did not take an alert{self._reason()}, trying again in {self._wait_s:g} s")
            self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
            return False
        outbox.delivered(self.channel, ids)
        self._wait_s = FIRST_WAIT_S
        if group[0].grade != CLINICAL:
            self._sent_s.append(self._mono_s())
        return True


def addresses_of(config: Config) -> list[Address]:
    """One address for each URL.

    Raises:
        SettingsError: apprise is not installed, or knows no such URL; the line is named, the URL, which holds a secret, is not.
    """
    from adaptd.gateway.notify_apprise import Sender

    senders = [(url, Sender(url, f"{config.path}:{number}")) for number, url in config.urls]
    return [Address(CHANNEL + config.name_of(url), send.shown, send, config, why=send.why) for url, send in senders]


def settle(outbox: Outbox, addresses: list[Address], say: Say) -> None:
    """Open a channel for each address; what waited for one that is no longer configured waits no more."""
    wanted = {address.channel for address in addresses}
    for channel in sorted(wanted):
        outbox.open_channel(channel)
    for channel in outbox.channels():
        if channel.startswith(CHANNEL) and channel not in wanted:
            say(f"an address is no longer configured, {outbox.count(channel)} alerts wait no more for it")
            outbox.close_channel(channel)


def main(words: list[str] | None = None) -> int:
    """Serve until SIGTERM; 0 good, 1 with ``--test`` where an address took nothing, 2 wrong settings."""
    arguments = _arguments(words)
    try:
        config = config_of(arguments.config)
        addresses = addresses_of(config)
        if arguments.test:
            return _try(addresses)
        outbox = Outbox(arguments.state / FILE_NAME)
    except (SettingsError, OutboxError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - for whoever started it
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settle(outbox, addresses, _say)
        _serve(arguments.state, outbox, addresses, stop)
    except OutboxError as error:
        _say(str(error))
        return 1
    finally:
        outbox.close()
    return 0


def _serve(state: Path, outbox: Outbox, addresses: list[Address], stop: threading.Event) -> None:
    _say(f"{len(addresses)} addresses, alerts come from {state}")
    while not stop.is_set():
        try:
            fetch_alerts(state, outbox, _say)
        except OutboxError as error:
            _say(str(error))
        for address in addresses:
            address.serve(outbox, _say)
        stop.wait(PAUSE_S)


def _try(addresses: list[Address]) -> int:
    """Send one line to each address and say what came of it."""
    results = [(address, address.send_trial(trial_text())) for address in addresses]
    for address, trouble in results:
        print(f"{address.shown}: {trouble or 'took it'}")  # noqa: T201
    return 1 if any(trouble for _, trouble in results) else 0


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="adaptd.gateway.notify", description="Delivers alerts to telephones and mailboxes.")
    parser.add_argument("--config", type=Path, required=True, metavar="F", help="file of mode 0600: one apprise URL a line")
    parser.add_argument("--state", type=Path, default=default_state(), metavar="DIR", help="folder of the outbox")
    parser.add_argument("--test", action="store_true", help="send one line to each address now, and say what came of it")
    return parser.parse_args(words)


def _say(words: str) -> None:
    print(f"notify: {words}", file=sys.stderr, flush=True)  # noqa: T201 - the operational log


if __name__ == "__main__":
    sys.exit(main())
