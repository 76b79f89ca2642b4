"""Learns the pieces that texts are cut into, anew: python sample_models/translator-en-fr/merges.py"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.progress import silent
from edgekit.data.catalog import entry
from edgekit.data.fetch import fetch
from edgekit.data.forms.translations import learned

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        merges = learned(fetch(entry("interface-strings").sources[0], Path(folder), silent))
    Path(__file__).with_name("merges.txt").write_text(merges, "utf-8")
