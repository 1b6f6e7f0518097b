"""The explorer: a web app that browses, plays and collects the sounds of a corpus, on this machine.

- `app`       the app: routes, errors, files of the page
- `routes`    the HTTP API, a module for each kind of resource
- `librarian` the catalog with the user's ratings, kept up to date
- `catalog`   sounds as rows: search, facets, sorting, pages
- `sheets`    one voice in full: operators, envelopes, routing, evidence
- `voices`    lists of voices, in a bank or newly made
- `pictures`  the spectrogram
- `web`       the page: HTML, CSS and ES modules without a build step

It reads corpus.duckdb and generated banks. It writes ratings, collections, verdicts and labels, which runs read.
"""
