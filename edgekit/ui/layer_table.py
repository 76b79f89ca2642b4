"""What changed, layer by layer: size, work, bits and zeros of every layer, and what the recipe did to it."""

from typing import Any

import pandas as pd
import streamlit as st

from edgekit.core.run import Run


def draw(run: Run, baseline: Run | None) -> None:
    """The table, widest facts first."""
    if not run.layers:
        st.caption("The layers of this file are not known.")
        return
    number = st.column_config.NumberColumn
    st.dataframe(
        frame(run, baseline),
        hide_index=True,
        alt="Layers of the file with parameters, multiply-accumulates, bits and zeros",
        column_config={
            "Layer": st.column_config.TextColumn(pinned=True),
            "Parameters": number(format="compact"),
            "MACs": number("MACs", format="compact", help="Multiply-accumulates for one sample"),
            "Weights": number("Weights (bytes)", format="%d", help="As stored in the file, scales included"),
            "Bits": number("Bits per weight", format="%g"),
            "Clusters": number(format="%d", help="Different values that the weights of the layer can take"),
            "Rank": number(format="%d", help="Width between the two thin layers that stand for the original one"),
            "Zeros": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
            "Parameters kept": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
            "What happened": st.column_config.TextColumn(width="large"),
        },
    )


def frame(run: Run, baseline: Run | None) -> pd.DataFrame:
    """One row a layer, in the order in which they compute; clusters and ranks only where there are any."""
    before = {row["layer"]: row for row in (baseline.layers if baseline else [])}
    happened = changes(run.changes)
    table = pd.DataFrame(
        {
            "Layer": [row["layer"] for row in run.layers],
            "Kind": [row["kind"] for row in run.layers],
            "Shape": [" × ".join(map(str, row.get("shape") or ())) for row in run.layers],
            "Parameters": [row["params"] for row in run.layers],
            "Parameters kept": [_share(row, before, "params") for row in run.layers],
            "MACs": [row["macs"] for row in run.layers],
            "Weights": [row["weight_bits"] / 8 for row in run.layers],
            "Bits": [row.get("bits") for row in run.layers],
            "Clusters": [row.get("clusters") for row in run.layers],
            "Rank": [_rank(row, before) for row in run.layers],
            "Zeros": [row["zeros"] for row in run.layers],
            "What happened": [happened.get(row["layer"]) or happened.get(_original(row), "") for row in run.layers],
        }
    )
    return table.drop(columns=[name for name in ("Clusters", "Rank") if table[name].isna().all()])


def changes(found: list[dict[str, Any]]) -> dict[str, str]:
    """What all steps did to each layer, in order: {"conv1": "10 of 20 channels kept; int8 weights"}."""
    told: dict[str, list[str]] = {}
    for change in found:
        told.setdefault(change["layer"], []).append(change["what"])
    return {layer: "; ".join(lines) for layer, lines in told.items()}


def _original(row: dict) -> str:
    """The layer that a part of a factorised one, "fc1.0", stands for."""
    return row["layer"].rpartition(".")[0]


def _rank(row: dict, before: dict[str, dict]) -> int | None:
    """How many channels the first of the thin layers hands on; None for layers that are as they were."""
    is_first = row["layer"].endswith(".0") and row["layer"] not in before and _original(row) in before
    return row.get("channels") if is_first else None


def _share(row: dict, before: dict[str, dict], what: str) -> float | None:
    was = before.get(row["layer"], {}).get(what)
    return row[what] / was if was else None
