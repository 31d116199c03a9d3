"""What a check finds, in the person's words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from napari_olivine.errors import fill
from napari_olivine.job import Job

State = Literal["note", "damage", "repaired"]


@dataclass(frozen=True)
class Finding:
    """One thing that was found; its texts may hold placeholders of `errors.fill`.

    Parameters
    ----------
    where
        Product, annotation or path within the section.
    what
        What is wrong, a sentence without its full stop.
    state
        ``"note"`` for what does no harm, ``"damage"`` for what is left to mend, ``"repaired"``.
    advice
        What to do, or what was done.
    """

    where: str
    what: str
    state: State = "damage"
    advice: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}"
        return f"{text}; {self.advice}" if self.advice else text


@dataclass
class Report:
    """Everything that one check found.

    Parameters
    ----------
    job
        Whoever listens to it hears of each finding as it is made.
    repair
        Whether what can be mended is mended.
    lost_source
        Folder of the instrument's files if it is not there now (a disk that is not connected):
        what only they can make again then stays in place, damaged as it is. Empty if it is there.
    """

    job: Job
    repair: bool = False
    lost_source: str = ""
    findings: list[Finding] = field(default_factory=list)
    bytes_of: dict[str, int] = field(default_factory=dict)
    """Disk use of every product, and of what else lies in the section."""

    def add(self, finding: Finding) -> None:
        """Keep a finding and tell it."""
        self.findings.append(finding)
        self.job.report(
            "finding", where=finding.where, what=fill(finding.what), state=finding.state,
            advice=fill(finding.advice), text=finding.what, remedy=finding.advice,
        )  # fmt: skip
        if finding.state == "damage":
            self.job.warn(str(finding))
        else:
            self.job.say(f"{'Repaired' if finding.state == 'repaired' else 'Note'}: {finding}")

    def note(self, where: str, what: str, advice: str = "") -> None:
        """Tell what does no harm."""
        self.add(Finding(where, what, "note", advice))

    def damage(self, where: str, what: str, advice: str = "") -> None:
        """Tell what is left to mend."""
        self.add(Finding(where, what, "damage", advice))

    def repaired(self, where: str, what: str, advice: str) -> None:
        """Tell what was mended."""
        self.add(Finding(where, what, "repaired", advice))

    def mendable(self, where: str, what: str, advice: str) -> bool:
        """Tell what can be mended; return whether it is to be mended now."""
        if self.repair:
            return True
        self.damage(where, what, f"{{setting:repair}} {advice}")
        return False

    @property
    def left(self) -> list[Finding]:
        """What is damaged and was not repaired."""
        return [finding for finding in self.findings if finding.state == "damage"]
