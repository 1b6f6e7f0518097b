"""The evaluation of generators: one protocol and one table for baselines, models and the real voices themselves.

`protocol.evaluate` makes the table; `generators` defines the interface of a generator. `metrics` has one file per
metric: `c2st`, `prdc`, `memorization`, `label_agreement`, `structure` and `audio`; `uncertainty` has their standard
errors. `baselines` has the generators that every model is compared with.
"""
