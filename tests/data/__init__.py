"""Data sets: catalog, download, splits and feeds."""
