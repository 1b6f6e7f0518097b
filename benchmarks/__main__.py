"""Run all benchmarks but `database`, which needs a home, and print a table."""

from rich.console import Console
from rich.table import Table

from benchmarks import families, reading, rendering, unpacking

table = Table("benchmark", "ours", "other", "ratio", box=None)
for benchmark in (unpacking, reading, families, rendering):
    for name, ours, other, unit in benchmark.measure():
        table.add_row(name, f"{ours:,.0f} {unit}", f"{other:,.0f} {unit}", f"{ours / other:,.1f}x")
Console().print(table)
