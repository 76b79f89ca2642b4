"""This machine as a device: the one that files are measured on, and by default made for."""

from edgekit.measure.host import this_host

__all__ = ["this_host"]
