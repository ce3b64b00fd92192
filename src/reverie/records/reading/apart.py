"""Run as a script, reads a file of SAS, SPSS or Stata: in a process of its own, which a damaged file may end.

The folder that it is run in holds request.json: {"reader": "read_sav", "path": ..., "most": {"rows": ..., "columns": ...}}.
What the file says of its size is compared with `most` before its cells are read, and what was read after each part. Into the
folder go the cells, 0.parquet and so on, and answer.json:

    error     why the file cannot be read; with it nothing else
    beyond    {bound: count} of the first bound that does not hold; with it nothing else
    parts     how many files of cells there are
    labels    {column: [[value, label], ...]}
    measures  {column: nominal, ordinal, scale or unknown}
    missing   {column: [[value, count], ...]}, values that the file declares missing, which are null in the cells

Nothing of this package is imported, so that it begins at once.
"""

import json
from collections import Counter
from pathlib import Path

__all__: list[str] = []


class _Beyond(Exception):
    pass


def _check(most, **found):
    for what, count in found.items():
        if count > most[what]:
            raise _Beyond(what, count)


def _answer(request):
    import pyreadstat

    path, most = request["path"], request["most"]

    def read(**options):
        return getattr(pyreadstat, request["reader"])(path, **options)

    _, about = read(metadataonly=True)
    columns, rows = len(about.column_names), about.number_rows
    _check(most, columns=columns, bytes=(size := Path(path).stat().st_size))
    width = sum(max(int(about.variable_storage_width.get(column) or 8), 8) for column in about.column_names)
    if rows is not None:
        _check(most, rows=rows, cells=rows * columns, bytes=rows * width)
    limit = min(most["rows"], most["cells"] // max(columns, 1)) + 1
    # a long text may be kept once and meant in many rows: then a part is so small that each row may hold all of the file
    long = "string_ref" in about.readstat_variable_types.values()
    step = max(1, min(limit, most["bytes"] // max(size, 1))) if long else limit
    parts = count = content = 0
    holes = set()
    while columns and count < limit:
        frame, _ = read(output_format="polars", row_offset=count, row_limit=min(step, limit - count))
        frame.write_parquet(f"{parts}.parquet", compression="uncompressed")
        holes.update(c for c in frame.columns if frame[c].null_count() and frame[c].dtype != "String")
        parts, count, content = parts + 1, count + frame.height, content + int(frame.estimated_size())
        _check(most, rows=count, cells=count * columns, bytes=content)
        if frame.height < step or count == rows:
            break
    return {
        "parts": parts,
        "labels": {column: list(labels.items()) for column, labels in about.variable_value_labels.items()},
        "measures": about.variable_measure,
        "missing": _missing(read, [c for c in about.column_names if c in holes])
        if request["reader"] != "read_xport"
        else {},
    }


def _missing(read, holes):
    if not holes:
        return {}
    plain, declared = (
        read(usecols=holes, user_missing=user, output_format="dict", disable_datetime_conversion=True)[0]
        for user in (False, True)
    )
    counts = {
        c: Counter(v for v, kept in zip(declared[c], plain[c], strict=True) if _empty(kept) and not _empty(v)) for c in holes
    }
    return {column: sorted(count.items(), key=str) for column, count in counts.items() if count}


def _empty(value):
    return value is None or value != value


def _main():
    request = json.loads(Path("request.json").read_text())
    try:
        answer = _answer(request)
    except _Beyond as beyond:
        answer = {"beyond": dict([beyond.args])}
    except MemoryError:
        raise
    except Exception as error:  # a damaged file raises many kinds
        answer = {"error": str(error).split("\n")[0] or type(error).__name__}
    Path("answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    _main()
