"""Pictures of figures: bars and lines, with the figures at their ends.

On a ground of their own, so that a page may be white or dark; in colours that differ in lightness,
too, so that nobody has to tell them apart by hue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

OWN, OTHERS, THIRD = "#0072b2", "#a6a6a6", "#d55e00"
"""Blue and vermilion of Okabe and Ito's palette, and a grey."""
_INK, _FAINT, _GROUND = "#1a1a1a", "#595959", "#ffffff"
_WIDTH, _BAR, _AROUND = 8.6, 0.34, 1.05
"""Inches: of a picture, of a bar with its gap, of title and axis."""
_STYLE = {
    "svg.fonttype": "none",  # text stays text: it can be read out, searched and compared
    "svg.hashsalt": "tessera",
    "font.family": "sans-serif",
    "font.size": 10.5,
    "text.color": _INK,
    "axes.labelcolor": _FAINT,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A length, and what stands before and after it."""

    label: str
    value: float
    figure: str
    color: str


@dataclass(frozen=True, slots=True)
class Line:
    """From a part of a size (one figure, or several of it) to the whole."""

    label: str
    parts: Sequence[float]
    whole: float
    color: str
    dashed: bool


def bars(path: Path, title: str, axis: str, shown: Sequence[Bar]) -> None:
    """Writes an SVG: one bar below another, from zero, in true proportion."""
    with mpl.rc_context(_STYLE):
        figure, ax = _figure(_BAR * len(shown) + _AROUND, title)
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
        ax.set_xlim(0, 1.09 * max(bar.value for bar in shown))  # room for the longest one's figure
        ax.set_xticks([])
        ax.set_xlabel(axis, loc="left")
        ax.spines[["top", "right", "bottom"]].set_visible(False)
        ax.tick_params(axis="y", length=0, pad=7)
        _save(figure, path)


def lines(path: Path, title: str, axis: str, ends: tuple[str, str], shown: Sequence[Line]) -> None:
    """Writes an SVG: a line for each, from the part on the left to the whole on the right."""
    with mpl.rc_context(_STYLE):
        figure, ax = _figure(4.2, title)
        for line in shown:
            mean = sum(line.parts) / len(line.parts)
            style = (0, (5, 2)) if line.dashed else "-"
            ax.plot([0, 1], [mean, line.whole], color=line.color, linestyle=style, linewidth=2)
            ax.plot([0] * len(line.parts), line.parts, "o-", color=line.color, markersize=5)
            ax.plot([1], [line.whole], "o", color=line.color, markersize=5)
            told = " to ".join(f"{part:.0f}" for part in line.parts)
            _beside(ax, told, (0, mean), -8, "right")
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
    ax.annotate(text, at, (points, 0), textcoords="offset points", ha=side, va="center", color=_INK)


def _figure(height: float, title: str) -> tuple[Figure, Axes]:
    figure = Figure((_WIDTH, height), facecolor=_GROUND, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.14, h_pad=0.14)
    figure.suptitle(title, x=0.02, ha="left", fontsize=12.5, fontweight="bold")
    ax = figure.subplots()
    ax.set_facecolor(_GROUND)
    return figure, ax


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
