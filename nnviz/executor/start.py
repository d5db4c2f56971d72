"""`python -m nnviz.executor.start RUNS_FOLDER` is the supervisor's process.

The fork server and the supervisor both import torch, which takes seconds; begun first, the fork server does it
meanwhile.
"""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

PRELOAD = ["torch", "torch._dynamo", "nnviz.executor.worker"]
"""What the fork server imports once. Merely building an optimizer imports dynamo: 1.4 s if every child did it."""


def main(root: Path) -> None:
    from nnviz.environment import ray_address
    from nnviz.executor import choice

    if sys.platform != "win32":
        from multiprocessing import forkserver

        multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOAD)
        if not ray_address():
            forkserver.ensure_running()
    from nnviz.executor.supervisor import Supervisor
    from nnviz.store.database import LONG_PATIENCE
    from nnviz.store.runs import RunStore

    backend, chosen = choice.choose(root)
    chosen.save(root)
    Supervisor(RunStore(root, LONG_PATIENCE), backend).serve()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
