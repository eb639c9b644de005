"""``flrdt sweep``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager

from .common import emit, place, progress

OPTIONS = {
    "problem": "problems of the family, like perceptron:kappa=-3/2,",
    "gate": "gates",
    "level": "levels",
    "depth": "depths",
    "widths": "hidden widths, like 7.7,7.6,",
    "notion": "notions (weak, strong)",
    "radius": "radii",
    "budget": "budgets",
    "alpha": "aspect ratios of energies of problems",
    "order": "orders of the lifting parameters (falling, free) of problems",
    "digits": "digits",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "plan", nargs="?", metavar="FILE.toml", help="the grid: a value or a list of values per setting"
    )
    for name, what in OPTIONS.items():
        parser.add_argument(
            f"--{name}", nargs="+", metavar=name[0].upper(), help=f"{what} of the grid, instead of the file's"
        )
    parser.add_argument(
        "--output",
        required=True,
        metavar="FILE",
        type=place,
        help="results, .csv or .parquet; points it holds are not recomputed",
    )
    parser.add_argument("--workers", metavar="W", help="local worker processes (default one per core)")
    parser.add_argument("--dask", metavar="ADDRESS", help="use the Dask cluster with this scheduler instead")
    parser.add_argument("--figure", metavar="FILE", help="also draw the capacities (png, svg or pdf)")
    parser.add_argument("--json", action="store_true", help="print one JSON object that sums the sweep up")
    parser.epilog = (
        "examples: flrdt sweep --gate 'relu-bias:{-1..2;41}' --level 2 --digits 20 --output bias.csv\n"
        "          flrdt sweep --depth 1 2 3 --level 1 2p --notion weak strong --output deep.parquet\n"
        "          flrdt sweep --problem 'perceptron:kappa={-2..0;9}' sk --level 1 2 --output family.csv\n"
        "          {a..b;k} stands for k equally spaced exact numbers from a to b"
    )


def run(options: argparse.Namespace) -> int:
    from functools import partial

    from ..arithmetic.decimals import InputError
    from ..machine.processes import local_pool, parse_workers
    from ..output.figures import check_figure
    from ..sweeps.clusters import check_scheduler, dask_executor
    from ..sweeps.grids import grid_of
    from ..sweeps.parquet_file import require_pyarrow
    from ..sweeps.run import points_of, read_plan, run_sweep

    plan = read_plan(options.plan) if options.plan else {}
    plan |= {name: getattr(options, name) for name in OPTIONS if getattr(options, name) is not None}
    if not plan:
        raise InputError("nothing to sweep: name a TOML file or give at least one of --" + ", --".join(OPTIONS))
    if not options.output.lower().endswith((".csv", ".parquet")):
        raise InputError(f"output {options.output}: use a name that ends in .csv or .parquet")
    if options.output.lower().endswith(".parquet"):
        require_pyarrow()
    if options.dask is not None and options.workers is not None:
        raise InputError("--workers is for local processes: leave it out with --dask")
    if options.figure is not None:
        check_figure(options.figure)
    points = points_of(plan)
    report = progress()
    workers = min(parse_workers(options.workers), len(points))
    executors: Callable[[], AbstractContextManager[Executor]] | None = None
    if options.dask is not None:
        check_scheduler(options.dask)  # before the file of results is opened
        executors = partial(dask_executor, options.dask)
    elif workers > 1:
        executors = partial(local_pool, workers)
    rows = run_sweep(points, options.output, executors, report, lambda text: print("flrdt:", text, file=sys.stderr))
    if options.figure is not None:
        from ..output.sweep_figure import draw

        draw(rows, options.figure)
    failed = [row for row in rows if row[grid_of(plan).failure]]
    summary = {"output": options.output, "points": len(rows), "failed": len(failed)}
    emit(summary if options.json else f"{len(rows)} points in {options.output}, {len(failed)} failed")
    return 1 if failed else 0
