"""The explorer: a web app that browses, plays and collects the sounds of a corpus, on this machine.

- `app`       the app: routes, errors, files of the page
- `routes`    the HTTP API, a module for each kind of resource
- `library`   the state behind the API: the catalog, and the user's ratings, kept up to date
- `catalog`   sounds as rows: search, facets, sorting, pages
- `sheets`    one voice in full: operators, envelopes, routing, evidence
- `pictures`  the spectrogram
- `export`    a selection of voices as a folder that plays offline
- `web`       the page: HTML, CSS and ES modules without a build step

It reads corpus.duckdb and generated banks. It writes ratings, collections, verdicts and labels, which runs read.
"""
