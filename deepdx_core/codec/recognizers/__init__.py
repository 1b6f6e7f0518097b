"""One module per kind of file, each with a function `recognize`; `codec.reader` lists them and tries them in order."""
