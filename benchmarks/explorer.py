"""The explorer over HTTP: searches, pages, sheets and the map, as ratios to `SELECT 1` over the same connection.

`python -m benchmarks.explorer HOME [ROWS]`: a home after a run, with audio for the map. ROWS repeats its sounds under
new ids, such as 1000000.
"""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import httpx
import numpy as np
import polars as pl
import uvicorn
from rich.console import Console
from rich.table import Table

from deepdx_core.database.snapshot import Snapshot
from deepdx_core.home import Home
from deepdx_explorer.app import create_app
from deepdx_explorer.facets import FACETS, Facet
from deepdx_explorer.librarian import Librarian

_REPEATS = 15
_QUERIES = {
    "search: e.piano": "/api/sounds?q=e.piano&verdict=valid",
    "search: two words": "/api/sounds?q=brass+section",
    "search: one letter": "/api/sounds?q=e",
    "search: nothing found": "/api/sounds?q=zzzzzz",
    "first page": "/api/sounds?verdict=valid",
    "facets: label, algorithm": "/api/sounds?label=Pianos&algorithm=5&sort=brightness_hz",
    "last page": "/api/sounds?sort=name&offset=28000",
    "matches for the map": "/api/matches?label=Pads",
}


def _enlarge(librarian: Librarian, rows: int) -> None:
    """Repeat the sounds of a librarian under new ids."""
    held = librarian.holdings
    take = np.arange(rows) % len(held.catalog)
    ids = pl.Series("sound_id", [f"{row:020x}" for row in range(rows)])
    larger = replace(
        held.catalog, rows=held.catalog.rows[take].with_columns(ids), parameters=held.catalog.parameters[take]
    )
    words = held.rows[take].with_columns(ids)
    facets = {name: Facet.of(words[name]) for name in FACETS}
    librarian._holdings = held._replace(catalog=larger, rows=words, facets=facets)


def _median(act: Callable[[], object]) -> float:
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return median(times)


def main() -> None:
    """Measure and print."""
    home = Home(Path(sys.argv[1]))
    app = create_app(home)
    if len(sys.argv) > 2:
        _enlarge(app.state.librarian, int(sys.argv[2]))

    snapshot = Snapshot(home.database)

    @app.get("/api/select-1")
    def select_1() -> int:
        return int(snapshot.query("SELECT 1 AS one")["one"][0])

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    table = Table("", "ms, median", "of SELECT 1", box=None)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as client:

        def get(path: str) -> bytes:
            response = client.get(path)
            response.raise_for_status()
            return response.content

        get("/api/sounds")
        base = _median(lambda: get("/api/select-1"))
        table.add_row("SELECT 1", f"{base * 1000:.1f}", "1.0")
        sound = client.get("/api/sounds", params={"verdict": "valid", "limit": 1}).json()["sounds"][0]["sound_id"]
        voices = {name: f"/api/sounds/{sound}{path}" for name, path in (("voice", "/voice"), ("sheet", ""))}
        for name, path in (_QUERIES | voices | {"the map": "/api/map"}).items():
            seconds = _median(lambda path=path: get(path))  # type: ignore[misc]
            table.add_row(name, f"{seconds * 1000:.1f}", f"{seconds / base:.1f}")
    console = Console()
    console.print(f"{len(app.state.librarian.holdings.catalog):,} sounds")
    console.print(table)
    server.should_exit = True


if __name__ == "__main__":
    main()
