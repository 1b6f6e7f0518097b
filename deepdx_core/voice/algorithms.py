"""The 32 algorithms of the DX7 as data: modulations, carriers and feedback.

Source: Yamaha DX7 Operating Manual (1983), the algorithm chart.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Algorithm:
    """One algorithm.

    number: 1 to 32, as on the panel. The `algorithm` parameter of a voice is one less.
    carriers: operators with audible output, ascending.
    modulations: pairs (modulator, modulated operator).
    feedback: pair (operator whose output is fed back, operator that receives it).
    """

    number: int
    carriers: tuple[int, ...]
    modulations: tuple[tuple[int, int], ...]
    feedback: tuple[int, int]


# number: carriers, modulations ("65" reads: 6 modulates 5), feedback ("46": from 4 to 6).
_CHART = """
 1: 13     21 43 54 65     66
 2: 13     21 43 54 65     22
 3: 14     21 32 54 65     66
 4: 14     21 32 54 65     46
 5: 135    21 43 65        66
 6: 135    21 43 65        56
 7: 13     21 43 53 65     66
 8: 13     21 43 53 65     44
 9: 13     21 43 53 65     22
10: 14     21 32 54 64     33
11: 14     21 32 54 64     66
12: 13     21 43 53 63     22
13: 13     21 43 53 63     66
14: 13     21 43 54 64     66
15: 13     21 43 54 64     22
16: 1      21 31 43 51 65  66
17: 1      21 31 43 51 65  22
18: 1      21 31 41 54 65  33
19: 145    21 32 64 65     66
20: 124    31 32 54 64     33
21: 1245   31 32 64 65     33
22: 1345   21 63 64 65     66
23: 1245   32 64 65        66
24: 12345  63 64 65        66
25: 12345  64 65           66
26: 124    32 54 64        66
27: 124    32 54 64        33
28: 136    21 43 54        55
29: 1235   43 65           66
30: 1236   43 54           55
31: 12345  65              66
32: 123456                 66
"""


def _parse(line: str) -> Algorithm:
    number, rest = line.split(":")
    carriers, *modulations, feedback = rest.split()
    return Algorithm(
        int(number),
        tuple(int(c) for c in carriers),
        tuple((int(pair[0]), int(pair[1])) for pair in modulations),
        (int(feedback[0]), int(feedback[1])),
    )


ALGORITHMS: tuple[Algorithm, ...] = tuple(_parse(line) for line in _CHART.strip().splitlines())
"""All algorithms, by the value of the `algorithm` parameter: `ALGORITHMS[0]` is number 1."""
