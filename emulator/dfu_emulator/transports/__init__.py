"""Ways from a host to the emulated device, one module each.

A transport is handed a ``Port`` and carries control transfers to it. The contract:

- It passes each SETUP packet with its data stage to ``Port.control`` and brings back the reply: data, or a
  STALL where ``reply.data`` is None.
- It waits for ``Port.silent_for()`` before it passes a request on, and lets ``reply.hold`` microseconds pass
  before it answers, which is never if they are ``NEVER`` or more; a host that gives up earlier has its
  time-out, and a request that did not get that far is dropped. It tells ``Port.control`` when the host sent a
  request, and ``Port.give_up`` of one that its host gives up, as far as it can know.
- ``DeviceGone`` means there is no device (any more): the host sees a disconnected one. ``Port.address``
  tells a device that came back from the one that left.
- It sets up the bus as an operating system does (``Port.configure`` after each attachment).
- It takes down what it set up, in the reverse order, whatever happens.
"""


class TransportError(Exception):
    """A transport cannot be used here; the message says what to do."""
