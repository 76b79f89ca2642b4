"""EdgeKit in the browser: `streamlit run app.py`."""

from edgekit.ui.router import run
from edgekit.ui.warm import warm

run()
warm()
