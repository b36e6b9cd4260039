"""A policy is tried in a process of its own before the control loop takes it: whatever it does there, the loop goes on.

`python -m adaptd.daemon.policy_trial` reads one JSON object from its input and ends with 0, or with 1 and one line of why not.
"""

import json
import subprocess
import sys
from typing import Any

from adaptd.config.errors import ConfigError
from adaptd.config.policy import parse_policy
from adaptd.config.profile import parse_profile
from adaptd.log.format.codec import row
from adaptd.vocabulary import VariantFacts

DEADLINE_S = 20.0  # most of it is for a small board under load to start Python
_FACTS = row(VariantFacts)


def tried(order: dict[str, Any], *, deadline_s: float = DEADLINE_S, program: tuple[str, ...] = ()) -> str:
    """Why the policy in ``order`` (see ``order_of``) cannot be taken, in one line; empty where it can. Waits for the process."""
    command = program or (sys.executable, "-m", "adaptd.daemon.policy_trial")
    try:
        done = subprocess.run(  # noqa: S603 - this Python and this module
            command, input=json.dumps(order), capture_output=True, text=True, timeout=deadline_s, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{order['name']}: was not worked through in {deadline_s:g} s, simplify it"
    except OSError as error:
        return f"{order['name']}: cannot be tried ({error.strerror}), restart adaptd to take it"
    if done.returncode == 0:
        return ""
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return lines[0 if done.stdout.strip() else -1] if lines else f"{order['name']}: the trial ended with {done.returncode}"


def order_of(name: str, text: str, profile_name: str, profile_text: str, facts: tuple[VariantFacts, ...]) -> dict[str, Any]:
    """What the trial is given, as JSON can hold it."""
    known = [_FACTS.full(one) for one in facts]
    return {"name": name, "text": text, "profile_name": profile_name, "profile_text": profile_text, "facts": known}


def main() -> int:
    """Parse the policy and compute everything that the loop would compute from it."""
    from adaptd.brain import tick

    order = json.load(sys.stdin)
    try:
        policy = parse_policy(order["text"], order["name"])
        profile = parse_profile(order["profile_text"], order["profile_name"])
        tick.start(policy, profile, tuple(_FACTS.read(one) for one in order["facts"]), 7, 0)
    except (ConfigError, ValueError, ArithmeticError, LookupError) as error:
        sys.stdout.write(str(error).splitlines()[0] + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
