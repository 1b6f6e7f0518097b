"""How generators are judged: one protocol, one table, for baselines, models and the real voices themselves.

`protocol.evaluate` makes the table; what a generator must be able to do stands in `generators`, what is measured in
`telling` (can the voices be told from real ones), `prdc` (are they where real ones are), `copying`, `obedience`
(do they have the label that was asked for), `structure` and `listening`.
"""
