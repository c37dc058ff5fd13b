"""Preload transport: an unmodified libusb program, run as a child, sees the device.

libumockdev-preload (of the umockdev package) redirects the program's /sys, /dev and ioctls to a folder
and a socket of ours. No root, no USB in the kernel. The program sees no other USB device.
"""

from dfu_emulator.transports.preload.bus import PreloadBus, PreloadError

__all__ = ["PreloadBus", "PreloadError"]
