"""Patient records: train on the bundled PBC2 cohort, make patients, make them to order, fill holes, go on with records.

    python examples/07_records.py [FOLDER] [STEPS]

Forty steps of a small network take seconds and show how it goes. For patients worth looking at pass 2000 for STEPS.
"""

import sys
import tempfile
from pathlib import Path

import polars as pl

import reverie
from reverie.records import read_table

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="reverie-"))
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 40

table = read_table("pbc2")
known, new = table.split(0.1, seed=0)  # the model never hears of these
small = {} if steps > 200 else {"network.width": 16, "network.layers": 1, "training.batch": 64}
model = reverie.train(known, folder / "run", steps=steps, seed=0, settings=small, holdout=0)

patients = model.sample(100, seed=1)
print(f"{patients['id'].n_unique()} new patients with {len(patients)} visits and the columns of the source:")
print(patients.head(3).select("id", "year", "age", "sex", "edema", "serBilir", "serChol"))

women = model.sample(20, seed=1, where={"sex": "female", "age": ">50"})
print(f"women over 50: {set(women['sex'])}, youngest {women['age'].min():.1f}")

holes = new.frame.with_columns(albumin=pl.when(pl.int_range(pl.len()) % 3 == 0).then(None).otherwise("albumin"))
draws = pl.concat(
    [frame["albumin"].alias(str(k)).to_frame() for k, frame in enumerate(model.impute(holes, draws=5))], how="horizontal"
)
hidden = holes["albumin"].is_null()
given = holes["albumin"].filter(~hidden)
assert all(draws[name].filter(~hidden).equals(given.alias(name)) for name in draws.columns), "what is given stays"
spread = draws.filter(hidden).select(pl.concat_list(pl.all()).list.std().mean()).item()
print(f"{hidden.sum()} hidden values of albumin filled 5 times; the draws differ by {spread:.2f} g/dl")

future = model.forecast(new.frame, visits=2, seed=0)[0]
print(f"{len(new)} patients seen twice more: {len(new.frame)} visits became {len(future)}")
print("written: the run folder", folder / "run", "with its figures")
