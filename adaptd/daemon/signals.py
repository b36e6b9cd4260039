"""What signals ask for, as plain flags: a handler runs between two steps of the loop's own thread and must wait for no lock."""

import signal
from dataclasses import dataclass


@dataclass(slots=True)
class Asked:
    """SIGTERM and SIGINT stop, SIGHUP reloads the policy, SIGUSR1 shows the state."""

    stop: bool = False
    reload: bool = False
    dump: bool = False

    def install(self) -> None:
        """Be told from now on."""

        def flag(number: int, frame: object) -> None:
            del frame
            self.stop |= number in (signal.SIGTERM, signal.SIGINT)
            self.reload |= number == signal.SIGHUP
            self.dump |= number == signal.SIGUSR1

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, flag)
