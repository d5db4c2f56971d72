"""How every plotly figure looks, on the light and on the dark theme of .streamlit/config.toml."""

from __future__ import annotations

from typing import Any, NamedTuple


class Theme(NamedTuple):
    """The page's own colours: a figure sits on the page, and its downloaded picture is readable by itself."""

    paper: str
    ink: str
    faint: str
    """Ink for what is only there to orient: secondary text."""
    grid: str


LIGHT = Theme("#ffffff", "#1b2333", "#5b6577", "#e3e7ee")
DARK = Theme("#10141d", "#e7ebf3", "#9aa5b8", "#283040")
FONT = '"Source Sans", "Source Sans Pro", sans-serif'


def theme(dark: bool) -> Theme:
    return DARK if dark else LIGHT


def layout(dark: bool) -> dict[str, Any]:
    """What all figures have in common, for the dictionary of its layout."""
    colours = theme(dark)
    return {
        "font": {"family": FONT, "size": 13, "color": colours.ink},
        "paper_bgcolor": colours.paper,
        "plot_bgcolor": colours.paper,
        "hoverlabel": {
            "font": {"family": FONT, "size": 13, "color": colours.ink},
            "bgcolor": colours.paper,
            "bordercolor": colours.grid,
        },
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": colours.faint, "activecolor": colours.ink},
        "template": {},
    }


NO_ZOOM = ("zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d")
"""Buttons that are off where a figure is always seen whole."""


def plot_config(file_name: str, *buttons_off: str) -> dict[str, Any]:
    """plotly's `config`: a picture that is sharp in a report, and no buttons that have nothing to do here."""
    return {
        "displaylogo": False,
        "showTips": False,
        "showSendToCloud": False,
        "responsive": False,  # the `plot` component watches its own width
        "toImageButtonOptions": {"format": "png", "filename": file_name, "scale": 2},
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", *buttons_off],
    }
