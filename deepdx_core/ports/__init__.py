"""MIDI ports: messages sent to instruments, and dumps received from them.

Needs the extra `midi`: python-rtmidi, which mido uses as its backend.
"""
