"""Lint the browser's scripts as they are sent: each component's files in a row, for they know one another."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).parents[1]
COMPONENTS = PROJECT / "nnviz" / "ui" / "components"
BEFORE = ("dom.js", "order.js")
"""What stands before each (see order.py)."""

PARTS = {
    "builder": [f"builder/{name}.js" for name in ("draft", "layout", "drawing", "editor", "builder")],
    "canvas": ["canvas/sheet.js", "canvas/canvas.js"],
    "follow": ["canvas/follow.js"],
    "image_grid": ["image_grid/image_grid.js"],
    "network_view": ["network_view/drawing.js", "network_view/network_view.js"],
    "plot": ["plot/plot.js"],
    "row_table": ["row_table/row_table.js"],
    "studio": [
        "network_view/drawing.js",
        "canvas/sheet.js",
        *(f"studio/{name}.js" for name in ("feed", "curve", "slow_motion", "demo", "studio")),
    ],
}
RULES = (
    "no-undef",
    "no-redeclare",
    "no-dupe-keys",
    "no-unreachable",
    "no-const-assign",
    "no-var",
    "prefer-const",
    "eqeqeq",
)


def main() -> int:
    listed = {name for names in PARTS.values() for name in names} | set(BEFORE)
    found = {path.relative_to(COMPONENTS).as_posix() for path in COMPONENTS.rglob("*.js")}
    if missing := found - listed:
        print(f"say in {Path(__file__).name} to which component these belong: {', '.join(sorted(missing))}")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        for component, names in PARTS.items():
            whole = "\n".join((COMPONENTS / name).read_text(encoding="utf-8") for name in (*BEFORE, *names))
            (Path(folder) / f"{component}.js").write_text(whole, encoding="utf-8")
        config = Path(folder) / ".oxlintrc.json"
        config.write_text('{"env": {"browser": true, "es2024": true}}', encoding="utf-8")
        linter = Path(sys.executable).with_name("oxlint")
        rules = [word for rule in RULES for word in ("-D", rule)]
        # A component needs not use all of what stands before it.
        command = [str(linter), "--config", str(config), "-D", "correctness", "-A", "no-unused-vars", *rules, folder]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
