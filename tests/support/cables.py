"""MIDI ports without hardware: a backend of mido with an instrument at the other end, and a clock of its own."""

import sys
import types

import mido
import mido.ports

NAME = "DX7"


class Cable:
    """What goes through the ports, in seconds since the beginning.

    names: of the ports. sent: the port and the bytes of each message sent. arriving: times and bytes of messages yet to
    be received. instrument: a function from a message sent to those it answers, or None. sleeps: seconds of each sleep.
    """

    def __init__(self):
        self.names = [NAME]
        self.sent = []
        self.arriving = []
        self.instrument = None
        self.sleeps = []
        self.now = 0.0

    def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.now += seconds

    def arrive(self, *messages, at=0.0):
        """Let messages arrive at a time."""
        self.arriving += [(at, bytes(message)) for message in messages]

    @property
    def messages(self):
        """The bytes of each message sent."""
        return [message for _, message in self.sent]

    def install(self, monkeypatch):
        """Make the clock that of the ports, and return the name of a module to be the backend of mido."""
        cable = self

        class Output(mido.ports.BaseOutput):
            def _send(self, message):
                data = bytes(message.bytes())
                cable.sent.append((self.name, data))
                if cable.instrument:
                    cable.arrive(*cable.instrument(data), at=cable.now)

        class Input(mido.ports.BaseInput):
            def _receive(self, block=True):
                if cable.arriving and cable.arriving[0][0] <= cable.now:
                    self._messages.append(mido.Message.from_bytes(cable.arriving.pop(0)[1]))

        backend = types.ModuleType("cable_midi")
        backend.Input, backend.Output = Input, Output
        backend.get_devices = lambda **_: [{"name": name, "is_input": True, "is_output": True} for name in self.names]
        monkeypatch.setitem(sys.modules, backend.__name__, backend)
        clock = types.SimpleNamespace(sleep=self.sleep, monotonic=lambda: self.now)
        for module in ("sending", "receiving"):
            monkeypatch.setattr(f"deepdx_core.ports.{module}.time", clock)
        return backend.__name__
