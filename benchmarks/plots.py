"""Bar and line charts as SVG, with the figures at the ends of bars and lines.

The background is opaque, for light and dark pages. Colours also differ in lightness, so that they
can be distinguished without seeing hues.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

OWN, OTHERS, THIRD = "#0072b2", "#a6a6a6", "#d55e00"
"""Blue and vermilion of the palette of Okabe and Ito, and grey."""
_TEXT, _MUTED, _BACKGROUND = "#1a1a1a", "#595959", "#ffffff"
_WIDTH, _BAR, _MARGIN = 8.6, 0.34, 1.05
"""In inches: width of a chart, height of a bar with its gap, height of title and axis."""
_STYLE = {
    "svg.fonttype": "none",  # keep text as text: searchable and comparable
    "svg.hashsalt": "tessera",
    "font.family": "sans-serif",
    "font.size": 10.5,
    "text.color": _TEXT,
    "axes.labelcolor": _MUTED,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar with its label and the figure at its end."""

    label: str
    value: float
    figure: str
    color: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line from the results for a fraction of the size (one or several) to the whole size."""

    label: str
    parts: Sequence[float]
    whole: float
    color: str
    dashed: bool


def bars(path: Path, title: str, axis: str, shown: Sequence[Bar]) -> None:
    """Writes an SVG with horizontal bars that start at zero."""
    with mpl.rc_context(_STYLE):
        figure, ax = _figure(_BAR * len(shown) + _MARGIN, title)
        drawn = ax.barh(
            range(len(shown)),
            [bar.value for bar in shown],
            color=[bar.color for bar in shown],
            height=0.68,
        )
        for place, (bar, patch) in enumerate(zip(shown, drawn, strict=True)):
            patch.set_gid(f"bar-{place}")
            weight = "bold" if bar.color == OWN else "normal"
            ax.annotate(
                bar.figure,
                (bar.value, place),
                (5, 0),
                textcoords="offset points",
                va="center",
                fontweight=weight,
            )
        ax.set_yticks(range(len(shown)), [bar.label for bar in shown])
        ax.invert_yaxis()
        ax.set_xlim(0, 1.09 * max(bar.value for bar in shown))  # space for a figure
        ax.set_xticks([])
        ax.set_xlabel(axis, loc="left")
        ax.spines[["top", "right", "bottom"]].set_visible(False)
        ax.tick_params(axis="y", length=0, pad=7)
        _save(figure, path)


def lines(path: Path, title: str, axis: str, ends: tuple[str, str], shown: Sequence[Line]) -> None:
    """Writes an SVG with a line for each, from the fraction (left) to the whole size (right)."""
    with mpl.rc_context(_STYLE):
        figure, ax = _figure(4.2, title)
        for line in shown:
            mean = sum(line.parts) / len(line.parts)
            style = (0, (5, 2)) if line.dashed else "-"
            ax.plot([0, 1], [mean, line.whole], color=line.color, linestyle=style, linewidth=2)
            ax.plot([0] * len(line.parts), line.parts, "o-", color=line.color, markersize=5)
            ax.plot([1], [line.whole], "o", color=line.color, markersize=5)
            figures = " to ".join(f"{part:.0f}" for part in line.parts)
            _beside(ax, figures, (0, mean), -8, "right")
            _beside(ax, f"{line.whole:.0f}  {line.label}", (1, line.whole), 8, "left")
        ax.set_xlim(-0.25, 1.55)
        ax.set_ylim(0, 1.12 * max(line.whole for line in shown))
        ax.set_xticks([0, 1], ends)
        ax.set_ylabel(axis)
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines["bottom"].set_bounds(-0.25, 1)
        ax.tick_params(axis="x", length=0)
        _save(figure, path)


def _beside(ax: Axes, text: str, at: tuple[float, float], points: float, side: str) -> None:
    ax.annotate(
        text, at, (points, 0), textcoords="offset points", ha=side, va="center", color=_TEXT
    )


def _figure(height: float, title: str) -> tuple[Figure, Axes]:
    figure = Figure((_WIDTH, height), facecolor=_BACKGROUND, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.14, h_pad=0.14)
    figure.suptitle(title, x=0.02, ha="left", fontsize=12.5, fontweight="bold")
    ax = figure.subplots()
    ax.set_facecolor(_BACKGROUND)
    return figure, ax


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
