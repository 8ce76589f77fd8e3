"""Shows the state: in a terminal a panel that is redrawn, elsewhere a plain line now and then."""

from __future__ import annotations

import sys
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from lgnet_ros.node.model_id import is_untrained
from lgnet_ros.node.status.tally import SeenHand, Snapshot

UNTRAINED = "WEIGHTS UNTRAINED: this is the network's initialization; the hands shown mean nothing"
_LINE_PERIOD_S = 2.0


class Display(Protocol):
    """Something that shows the state."""

    def show(self, snapshot: Snapshot, elapsed_s: float, complaint: str) -> None:
        """Show it, `elapsed_s` after the first result. complaint: the nodes' last warning, or empty."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def make_display(title: str) -> Display:
    """A panel where standard error is a terminal, else lines. Standard output stays free for reports."""
    return PanelDisplay(title) if sys.stderr.isatty() else LineDisplay(title)


class LineDisplay:
    """One line every two seconds."""

    def __init__(self, title: str) -> None:
        self._next_s, self._said_untrained, self._complaint = 0.0, False, ""
        _say(title)

    def show(self, snapshot: Snapshot, elapsed_s: float, complaint: str) -> None:
        if complaint != self._complaint:
            self._complaint = complaint
            _say(complaint)
        if is_untrained(snapshot.model_id) and not self._said_untrained:
            self._said_untrained = True
            _say(UNTRAINED)
        if elapsed_s >= self._next_s:
            self._next_s = elapsed_s + _LINE_PERIOD_S
            _say(
                f"{elapsed_s:5.1f} s  "
                + "  ".join(f"{name} {value}" for name, value in figures(snapshot).items())
            )

    def close(self) -> None:
        pass


class PanelDisplay:
    """A panel, redrawn in place."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._live = Live(console=Console(stderr=True), refresh_per_second=8)
        self._live.start()

    def show(self, snapshot: Snapshot, elapsed_s: float, complaint: str) -> None:
        table = Table.grid(padding=(0, 2))
        for name, value in figures(snapshot).items():
            table.add_row(Text(name, style="bold"), Text(value))
        table.add_row(Text("weights", style="bold"), Text(snapshot.model_id or "loading"))
        if is_untrained(snapshot.model_id):
            table.add_row("", Text(UNTRAINED, style="bold yellow"))
        if complaint:
            table.add_row(Text("warning", style="bold"), Text(complaint, style="yellow"))
        self._live.update(
            Panel(table, title=Text(self._title), subtitle=f"{elapsed_s:.0f} s, Ctrl-C ends", expand=False)
        )

    def close(self) -> None:
        self._live.stop()


def figures(snapshot: Snapshot) -> dict[str, str]:
    """The state as words, by what they are."""
    shown = {
        "in": f"{snapshot.rate_in:.1f}/s",
        "out": f"{snapshot.rate_out:.1f}/s",
        "age": _milliseconds(snapshot.age_p50_ms, snapshot.age_p95_ms),
        "hands": ", ".join(_hand(hand) for hand in snapshot.hands) or "none",
    }
    if snapshot.error is not None:
        shown["error"] = (
            f"{snapshot.error.position_mm:.0f} mm ({snapshot.error.articulation_mm:.0f} mm from the wrist)"
        )
    return shown


def _hand(hand: SeenHand) -> str:
    return f"{hand.side} {hand.score:.2f} at {hand.joints[0, 2]:.2f} m"


def _milliseconds(median: float | None, high: float | None) -> str:
    return "-" if median is None or high is None else f"{median:.0f} ms (95 % under {high:.0f})"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
