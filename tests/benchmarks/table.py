"""How every benchmark prints what it found."""

import json

from edgekit.core.host import Host


def line(what: str, value: float, limit: float | None, digits: int = 4, **more) -> dict:
    """A line of the table; `limit` is the most that `value` may be, None where nothing is promised."""
    ok = limit is None or value <= limit
    return {"what": what, "value": round(value, digits), "limit": limit, "ok": bool(ok)} | more


def report(rows: list[dict], host: Host, as_json: bool) -> None:
    """Print rows of what, value, limit and ok, with the machine they were measured on."""
    if as_json:
        print(json.dumps({"machine": host.model_dump(mode="json"), "rows": rows, "ok": all(row["ok"] for row in rows)}))
        return
    print(f"{host.cpu}, {host.cores} cores\n")
    for row in rows:
        limit = "" if row["limit"] is None else f"(limit {row['limit']})"
        print(f"{'ok ' if row['ok'] else 'NOT'}  {row['value']:>9} {limit:<16} {row['what']}")
