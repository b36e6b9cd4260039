"""Candidates measured in the twin, each once: what was measured is kept in a file, so that a killed run goes on where it was."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from adaptd.config.errors import ConfigError
from adaptd.lab.bench import spread
from adaptd.lab.fit.play import Played, Texts, policy_of
from adaptd.lab.fit.saved import Twin
from adaptd.lab.tune.knobs import Knob, Setting, put
from adaptd.lab.whatif.compare import play_texts, with_battery
from adaptd.lab.whatif.figures import Figures, figures
from adaptd.log.format.binding import code_hash
from adaptd.twin.scenario import load_scenario, policy_path, profile_path

World = tuple[tuple[Texts, ...], str | None, str]


@dataclass(slots=True)
class Trial:
    """One candidate: its knobs, the policy's text, and its figures; ``refused`` says why the policy cannot be."""

    setting: Setting
    text: str
    figures: Figures | None = None
    refused: str = ""

    def value(self, figure: str) -> float:
        assert self.figures is not None
        return self.figures.values[figure]


@dataclass(slots=True)
class Lab:
    """Where candidates are played: the worlds (texts of any policy), the policy that is tuned, its knobs."""

    worlds: tuple[Texts, ...]
    policy: str
    name: str
    knobs: tuple[Knob, ...]
    battery_wh: float | None = None
    store: Path | None = None
    jobs: int | None = None
    runs: int = 0
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What the measurements rest on: worlds, policy, battery, and the decision core itself."""
        words = [(w.scenario, w.before, w.profile, w.bands) for w in self.worlds]
        plain = json.dumps([words, self.policy, self.battery_wh, code_hash()], sort_keys=True)
        return hashlib.sha256(plain.encode()).hexdigest()[:16]

    def load(self) -> int:
        """Take what an earlier run measured; how many candidates that were. A torn last line is dropped."""
        if self.store is None or not self.store.is_file():
            return 0
        for line in self.store.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
                if row["lab"] == self.key:
                    self.kept[row["setting"]] = row["figures"]
            except (ValueError, KeyError, TypeError):
                continue
        return len(self.kept)

    def today(self) -> Setting:
        return tuple((knob.name, knob.today) for knob in self.knobs)

    def text_of(self, setting: Setting) -> str:
        """The policy's file with these knobs; what is today's is not touched. ``resume_c`` follows ``limit_c`` down."""
        changes = {knob.path: value for knob, (_, value) in zip(self.knobs, setting, strict=True) if value != knob.today}
        moved = changes.get(("thermal", "limit_c"))
        if moved is not None:
            policy = policy_of(self.policy, self.name)
            changes["thermal", "resume_c"] = moved - (policy.limit_mc - policy.resume_mc) / 1000
        return put(self.policy, changes)

    def measure(self, settings: Sequence[Setting]) -> list[Trial]:
        """Play the candidates, those that were measured before from the file; answers in order."""
        trials = [self._trial(setting) for setting in settings]
        todo = [trial for trial in {_key(t.setting): t for t in trials}.values() if not trial.refused and not self._known(trial)]
        work = [(replace(world, policy=trial.text, name=self.name), self.battery_wh) for trial in todo for world in self.worlds]
        answers: list[Played] = spread(_play, work, self.jobs, None)
        self.runs += len(todo)
        for at, trial in enumerate(todo):
            played = answers[at * len(self.worlds) : (at + 1) * len(self.worlds)]
            self._keep(trial, figures(played, policy_of(trial.text), self.battery_wh))
        for trial in trials:
            self._known(trial)
        return trials

    def _trial(self, setting: Setting) -> Trial:
        trial = Trial(setting, self.text_of(setting))
        try:
            policy_of(trial.text, self.name)
        except ConfigError as error:
            trial.refused = str(error).splitlines()[0]
        return trial

    def _known(self, trial: Trial) -> bool:
        row = self.kept.get(_key(trial.setting))
        if row is not None and trial.figures is None:
            trial.figures = Figures(**row)
        return row is not None

    def _keep(self, trial: Trial, found: Figures) -> None:
        self.kept[_key(trial.setting)] = row = asdict(found)
        if self.store is not None:
            with self.store.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"lab": self.key, "setting": _key(trial.setting), "figures": row}) + "\n")


def _key(setting: Setting) -> str:
    return ";".join(f"{name}={value:g}" for name, value in setting)


def _play(texts: Texts, battery_wh: float | None) -> Played:
    return play_texts(with_battery(texts, battery_wh))


def twin_worlds(twin: Twin) -> World:
    """The twin's pattern day; the policy to tune is the logged one."""
    return (twin.texts(twin.typical),), twin.policy, f"{twin.plain['policy']}.yaml"


def scenario_worlds(files: Sequence[Path]) -> World:
    """Scenario files under their own policy; None where they test different ones.

    Raises:
        ConfigError: one line a fault of a file.
    """
    worlds, policies = [], {}
    for path in files:
        scenario = load_scenario(path)
        own = policy_path(scenario).read_text(encoding="utf-8")
        policies[scenario.policy] = own
        profile = profile_path(scenario).read_text(encoding="utf-8")
        worlds.append(Texts(path.read_text(encoding="utf-8"), own, profile, own))
    name, text = next(iter(policies.items()))
    return tuple(worlds), text if len(policies) == 1 else None, f"{name}.yaml"
