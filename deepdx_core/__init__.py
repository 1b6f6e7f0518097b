"""DX7 voices as arrays: reading and writing them, curating, labelling and generating them.

A library on its own: nothing in here knows of Dagster. Its rooms, from the ground up, each importing
only those before it:

- `errors`, `display`, `progress`, `files`, `home`  what all rooms share, and the layout of a home folder
- `voice`     the 145 parameters and the 32 algorithms, as data
- `codec`     bytes to voices and back; no file system, no data frames
- `intake`    files, folders and archives to bytes
- `tables`    the schemas of the corpus' tables, and how a table is stored
- `state`     what cannot be made anew: opened, migrated, backed up
- `curation`  what was read, which voices are the same, the verdict on each, the splits
- `labels`    what kind of sound a voice is
- `sound`     voices rendered, and what is measured of them
- `corpus`    the DuckDB database of all tables, reading it, and the ladder from files to sounds
- `ports`     dumps sent to MIDI ports and received from them
- `learning`  what training runs share
- `gan`       the reference model of the evaluation: the voice as an image, the networks, training and sampling
- `evaluation`  how generators are judged, and the baselines beside them
- `generation`  the generator that banks come from: a writer, its critic, names, the registry of models
- `demo`      the composer of the demo corpus
"""
