"""The other Yamaha FM synthesizers: their parameters as tables, their messages read and written, and conversions."""
