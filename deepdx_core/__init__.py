"""DX7 voices as arrays: read and written, curated, labeled, and generated.

A library on its own: nothing in here imports Dagster. Rooms, from the ground up; each imports only those before it:

- `arrays`, `errors`, `display`, `progress`, `files`, `documents`, `home`  shared by all rooms
- `voice`       the 145 parameters and the 32 algorithms, as data
- `codec`       bytes to voices and back; no file system, no data frames
- `tables`      schemas of the tables, and how a table is stored
- `intake`      files, folders and archives to bytes; downloads
- `decoding`    dumps to rows: every voice slot with its sound id and findings
- `exchange`    inspection, conversion, voices as CSV, JSON and Parquet
- `overrides`   the user's own verdicts and labels
- `state`       what cannot be recomputed: opened, migrated, backed up, restored
- `ports`       dumps sent to and received from MIDI ports
- `sound`       rendering, and the features of rendered clips
- `dedup`       exact duplicates, repairs, near-duplicate families, audio similarity
- `quality`     measures, the corruption score, rules, verdicts
- `labels`      the category and training label of a voice
- `configuration`  every file of the user's, checked before a run
- `database`    corpus.duckdb, its snapshot for queries, the funnel
- `dataset`     splits, and the training set as arrays
- `training`    settings, checkpoints and determinism of training runs
- `gan`         the conditional GAN of the blog "Deep DX"
- `evaluation`  the protocol, its metrics and baselines
- `writer`      the autoregressive transformer that writes voices
- `generation`  models (writer, critic, names), their registry, sampling, banks
"""
