"""One module per kind of file or of content, with its evidence.

Those with a function `recognize` know whole files; `codec.reader` lists them. Those with a function `find` know
content that stands anywhere; `codec.splitting` lists them. They are tried in order, on the bytes that those before left
over.
"""
