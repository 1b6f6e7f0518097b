"""Sounds near one another: by ear, by parameters, by a recording, and on a map."""
