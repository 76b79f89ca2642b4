"""From a run's file to files for other runtimes, each checked in its own. A format is one file in `formats/`."""
