"""Time and peak memory of every step on a folder of real or synthetic input, then the scores.

    python benchmarks/chain.py SOURCE WORK [--memory 4GB] [--train OPTION ...]

Each step runs as a command of its own, as a person would run it. SOURCE/truth, if there is one,
is read by the last command alone. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--train", nargs=argparse.REMAINDER, default=[])
    given = parser.parse_args()
    section = str(given.work / "section")
    given.work.mkdir(parents=True, exist_ok=True)
    commands = [
        ["import", str(given.source), section],
        ["level", section],
        ["mask", section],
        ["train", section, *given.train],
        ["segment", section],
        ["calibrate", section],
        ["crystals", section],
        ["export", section, str(given.work / "catalogue"), "--rasters"],
    ]
    truth = given.source / "truth"
    if truth.exists():
        commands.append(
            ["score", section, "--truth", str(truth), "--json", str(given.work / "scores.json")]
        )
    print("| step | wall s | peak MB |\n| --- | --- | --- |", flush=True)
    started = time.monotonic()
    highest, scores = 0, ""
    for command in commands:
        figures, said = run([*command, "--memory", given.memory])
        highest = max(highest, int(figures.get("peak_mb", 0)))
        print(
            f"| {command[0]} | {figures['seconds']:.0f} | {figures.get('peak_mb', '?')} |",
            flush=True,
        )
        scores = said
    print(f"| all | {time.monotonic() - started:.0f} | {highest} |\n")
    print(scores)


def run(command: list[str]) -> tuple[dict[str, float], str]:
    """Run one command; return its figures and the last thing it said."""
    process = subprocess.run(
        [sys.executable, "-m", "napari_olivine", *command, "--json-events"],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    events = [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed: {events[-1] if events else process.stdout}")
    said = [event["message"] for event in events if event["event"] == "message"]
    return events[-1], said[-1] if said else ""


if __name__ == "__main__":
    main()
