"""Run every benchmark and print a table."""

from rich.console import Console
from rich.table import Table

from benchmarks import families, listening, reading, unpacking

table = Table("benchmark", "ours", "otherwise", "ratio", box=None)
for benchmark in (unpacking, reading, families, listening):
    for name, ours, otherwise, unit in benchmark.measure():
        table.add_row(name, f"{ours:,.0f} {unit}", f"{otherwise:,.0f} {unit}", f"{ours / otherwise:,.1f}x")
Console().print(table)
