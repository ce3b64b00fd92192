"""Other makers of linked tables on a folder: python benchmarks/linked_peer.py MAKER TRAIN OUT SEED [MINUTES]

    hma     SDV's HMASynthesizer (Business Source Licence), in an environment that has sdv, pandas and pyarrow
    argn    the autoregressive TabularARGN of mostlyai-engine (Apache), in one that has mostlyai-engine

Runs without reverie: it is called by linked_quality.py. TRAIN has files of Parquet and .schema.json, which says what is tied
to what. A key that follows from the parent's is put in afterwards. HMA is told the tie to the parent alone; from 2.0 on it
refuses more than five tables, and children of children. ARGN has a model for each table: patients by themselves, the rows of
every other as a sequence given their parent's row and all that is above it; MINUTES are shared out by cells. Its protection
of rare values is off, for it makes words of its own of them.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date
from pathlib import Path

import pandas as pd


def main() -> None:
    maker, source, out, seed = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    minutes = float(sys.argv[5]) if len(sys.argv) > 5 else 5.0
    schema = json.loads((source / ".schema.json").read_text())["tables"]
    data = {table["name"]: pd.read_parquet(source / f"{table['name']}.parquet") for table in schema}
    made, fitted, sampled = argn(schema, data, seed, minutes) if maker == "argn" else hma(schema, data)
    out.mkdir(parents=True)
    for table in schema:
        frame = made.get(table["name"], data[table["name"]])  # a lookup is carried over
        frame[list(data[table["name"]].columns)].to_parquet(out / f"{table['name']}.parquet")
    print(json.dumps({"fit": fitted, "sample": sampled, "seed": seed}))


def argn(schema: list[dict], data: dict[str, pd.DataFrame], seed: int, minutes: float) -> tuple[dict, float, float]:
    """The tables, and the seconds of fitting and of sampling."""
    from mostlyai.engine import TabularARGN

    tables = [table for table in schema if table["kind"] != "lookup"]
    own = {
        table["name"]: [
            c for c in data[table["name"]].columns if c not in {table["key"], *(k["column"] for k in table["refers"])}
        ]
        for table in tables
    }
    cells = {name: data[name][columns].size for name, columns in own.items()}
    lives, models, fitted = {}, {}, 0.0
    for table in tables:
        name, parent, key = table["name"], table["parent"], _key(table)
        frame = data[name].copy()
        for column, cell in frame.items():
            if any(isinstance(each, date) for each in cell):
                frame[column] = pd.to_datetime(cell)
            elif not pd.api.types.is_numeric_dtype(cell) or pd.api.types.is_bool_dtype(cell):
                frame[column] = cell.astype("string")
        frame = (
            frame[[*filter(None, [key]), *own[name]]] if parent is None else frame.dropna(subset=[key])[[key, *own[name]]]
        )
        told = {
            column: _encoding(frame[column], parent is not None and column == (table["clock"] or {}).get("start"))
            for column in own[name]
        }
        more = (
            {"tgt_primary_key": key}
            if parent is None
            else {"tgt_context_key": key, "ctx_primary_key": key, "ctx_data": lives[parent].rename(columns={"": key})}
        )
        if parent is not None:
            more["ctx_encoding_types"] = {c: _encoding(lives[parent][c], False) for c in lives[parent].columns if c}
        share = minutes * cells[name] / sum(cells.values())
        models[name] = TabularARGN(
            max_training_time=share, value_protection=False, tgt_encoding_types=told, random_state=seed, device="cpu", **more
        )
        clock = time.perf_counter()
        models[name].fit(frame)
        fitted += time.perf_counter() - clock
        print(f"{name}: {time.perf_counter() - clock:.0f} s of {60 * share:.0f}", file=sys.stderr)
        lives[name] = _lives(table, data[name], frame, lives, own[name])
    made, lives, clock = {}, {}, time.perf_counter()
    for table in tables:
        name, parent, key = table["name"], table["parent"], _key(table)
        if parent is None:
            frame = models[name].sample(n_samples=len(data[name]))
        else:
            frame = models[name].sample(ctx_data=lives[parent].rename(columns={"": key}))
        if table["key"] is not None and (parent is None or table["key"] != key):
            frame[table["key"]] = [f"{name}-{number}" for number in range(len(frame))]
        for other in table["refers"]:
            if other["column"] not in frame:
                frame[other["column"]] = (
                    _above(frame[key], tables, made, table, other["table"]) if other["table"] != name else None
                )
        made[name] = frame
        lives[name] = _lives(table, frame, frame, lives, own[name])
    return made, fitted, time.perf_counter() - clock


def _key(table: dict) -> str:
    """The key of a table without a parent; of another the column that names its parent."""
    return next((k["column"] for k in table["refers"] if k["table"] == table["parent"]), table["key"])


def _encoding(cells: pd.Series, clock: bool) -> str:
    if pd.api.types.is_datetime64_any_dtype(cells):
        return "TABULAR_DATETIME_RELATIVE" if clock else "TABULAR_DATETIME"
    return "TABULAR_NUMERIC_AUTO" if pd.api.types.is_numeric_dtype(cells) else "TABULAR_CATEGORICAL"


def _lives(table: dict, keyed: pd.DataFrame, frame: pd.DataFrame, lives: dict, own: list[str]) -> pd.DataFrame:
    """What the rows of a table and all above them hold, by their key, which is called nothing here."""
    if table["key"] is None:
        return pd.DataFrame()
    whole = frame[own].add_prefix(f"{table['name']}.")
    whole.insert(0, "", keyed.loc[frame.index, table["key"]])
    if table["parent"] is None:
        return whole
    above = lives[table["parent"]].rename(columns={"": "\0"})
    return whole.assign(**{"\0": frame[_key(table)]}).merge(above, on="\0", how="left").drop(columns="\0")


def _above(keys: pd.Series, tables: list[dict], made: dict, table: dict, to: str) -> pd.Series | None:
    """The key of the row of `to` that is above the row each key of a parent names."""
    at = table["parent"]
    while at is not None and at != to:
        parent = next(t for t in tables if t["name"] == at)
        keys, at = keys.map(made[at].set_index(parent["key"])[_key(parent)]), parent["parent"]
    return keys if at == to else None


def hma(schema: list[dict], data: dict[str, pd.DataFrame]) -> tuple[dict, float, float]:
    """The tables, and the seconds of fitting and of sampling."""
    from sdv.metadata import Metadata
    from sdv.multi_table import HMASynthesizer

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
    for table in schema:
        name = table["name"]
        for column, to in follow.get(name, []) if name in made else []:
            made[name][column] = _upwards(made, parents, keyed, name, to) if to != name else None
    return made, fitted, sampled


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
