"""Run every benchmark and print a table."""

from rich.console import Console
from rich.table import Table

from benchmarks import unpacking

table = Table("benchmark", "ours", "otherwise", "ratio", box=None)
for name, ours, otherwise, unit in unpacking.measure():
    table.add_row(name, f"{ours:,.0f} {unit}", f"{otherwise:,.0f} {unit}", f"{ours / otherwise:,.0f}x")
Console().print(table)
