"""The evaluation of generators: one protocol and one table for baselines, models and the real voices themselves.

`protocol.evaluate` makes the table, `generators` defines what a generator has to implement. `metrics` holds one measure
per file: `c2st`, `prdc`, `memorization`, `label_agreement`, `structure`, `audio`, and `uncertainty` for their standard
errors. `baselines` holds the generators that every model is compared with.
"""
