"""SDV's HMASynthesizer on a folder of linked tables: python benchmarks/linked_peer.py TRAIN OUT SEED

Runs in an environment that has sdv, pandas and pyarrow, without reverie: it is called by linked_quality.py. TRAIN has files
of Parquet and .schema.json, which says what is tied to what. It is told the tie to the parent alone: a key that follows from
the parent's is put in afterwards. From 2.0 on it refuses more than five tables, and children of children.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date
from pathlib import Path

import pandas as pd
from sdv.metadata import Metadata
from sdv.multi_table import HMASynthesizer


def main() -> None:
    source, out, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    schema = json.loads((source / ".schema.json").read_text())["tables"]
    data = {table["name"]: pd.read_parquet(source / f"{table['name']}.parquet") for table in schema}
    keyed = {table["name"]: table["key"] for table in schema}
    kinds = {table["name"]: table["kind"] for table in schema}
    tables, ties = {}, []
    for table in schema:
        name, columns = table["name"], {}
        others = [key for key in table["refers"] if key["table"] != name and kinds[key["table"]] != "lookup"]
        refers = {key["column"]: key["table"] for key in others}
        nearest = {column for column, to in refers.items() if to == table["parent"]}
        for column, cells in data[name].items():
            if column == table["key"] or column in refers:
                columns[column] = {"sdtype": "id"}
                data[name][column] = cells.astype(str)
            elif pd.api.types.is_datetime64_any_dtype(cells) or cells.map(lambda cell: isinstance(cell, date)).any():
                data[name][column] = pd.to_datetime(cells)
                columns[column] = {"sdtype": "datetime"}
            elif pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
                columns[column] = {"sdtype": "numerical"}
            else:
                columns[column] = {"sdtype": "categorical"}
        tables[name] = {"columns": columns}
        if table["key"] is not None:
            tables[name]["primary_key"] = table["key"]
        for column in nearest:
            to = refers[column]
            ties.append({
                "parent_table_name": to, "parent_primary_key": keyed[to],
                "child_table_name": name, "child_foreign_key": column,
            })  # fmt: skip
    for table in schema:  # a lookup is carried over, and a key that follows from the parent's is put in afterwards
        if table["kind"] == "lookup":
            tables.pop(table["name"])
    follow = {}
    for table in schema:
        for key in table["refers"]:
            if table["name"] in tables and key["table"] != table["parent"] and kinds[key["table"]] != "lookup":
                tables[table["name"]]["columns"].pop(key["column"], None)
                follow.setdefault(table["name"], []).append((key["column"], key["table"]))
    told = {name: data[name][list(tables[name]["columns"])] for name in tables}
    metadata = Metadata.load_from_dict({"tables": tables, "relationships": ties, "METADATA_SPEC_VERSION": "V1"})
    synthesizer = HMASynthesizer(metadata, verbose=False)
    clock = time.perf_counter()
    synthesizer.fit(told)
    fitted = time.perf_counter() - clock
    clock = time.perf_counter()
    scaled = getattr(synthesizer, "sample_scale", None) or synthesizer.sample  # its name since 2.0, and before
    made = scaled(scale=1.0)
    sampled = time.perf_counter() - clock
    parents = {tie["child_table_name"]: tie for tie in ties}
    out.mkdir(parents=True)
    for table in schema:
        name = table["name"]
        if name not in made:
            data[name].to_parquet(out / f"{name}.parquet")
            continue
        frame = made[name]
        for column, to in follow.get(name, []):
            frame[column] = _upwards(made, parents, keyed, name, to) if to != name else None
        frame[list(data[name].columns)].to_parquet(out / f"{name}.parquet")
    print(json.dumps({"fit": fitted, "sample": sampled, "seed": seed}))


def _upwards(made: dict, parents: dict, keyed: dict, name: str, to: str):
    """The key of `to` that each row's parent, or its parent, has."""
    tie = parents.get(name)
    if tie is None:
        return None
    column, parent = tie["child_foreign_key"], tie["parent_table_name"]
    if parent == to:
        return made[name][column]
    above = made[parent].set_index(keyed[parent])
    key = parents[parent]["child_foreign_key"] if parents[parent]["parent_table_name"] == to else None
    return made[name][column].map(above[key]) if key else None


if __name__ == "__main__":
    main()
