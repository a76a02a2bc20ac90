"""`customer360 match`: resolve a file of people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from customer360.commands.terminal import check_folders, clock
from customer360.errors import UserError

app = typer.Typer()


@app.command("match")
def run(
    records: Annotated[Path, typer.Argument(help="CSV file with one record a row.")],
    map_file: Annotated[
        Path, typer.Option("--map", help="YAML: record_id, optional source and region, columns with their semantic types.")
    ],
    out: Annotated[Path, typer.Option(help="Clusters are written here: record_id, source, customer_id, confidence.")],
    edges: Annotated[Path | None, typer.Option(help="Edges with their evidence are written here.")] = None,
    model: Annotated[Path | None, typer.Option(help="Score with this model instead of training one.")] = None,
    model_out: Annotated[Path | None, typer.Option(help="Keep the model here.")] = None,
    timings: Annotated[Path | None, typer.Option(help="Seconds and CPU seconds per step are written here, as JSON.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Match probability from which records are linked (default: the model's).")] = None,
) -> None:
    """Work out which records of a file are the same person. Needs no labels and no settings; trains its own model."""
    from customer360.identity.match import people
    from customer360.identity.match.mapfile import read_map
    from customer360.identity.match.model import Model
    from customer360.identity.match.steps import Steps

    if threshold is not None and not 0 < threshold <= 1:
        raise UserError(f"--threshold {threshold}: must be a probability above 0 and at most 1, such as 0.5")
    check_folders(out, edges, model_out, timings)
    say = clock()

    mapped = read_map(map_file)
    frozen = Model.load(model) if model is not None else None
    steps = Steps()
    say(f"reading {records}")
    read = people.read_people(records, mapped, map_file, steps)
    say(f"{len(read.ids)} records, {len(mapped.columns)} columns")
    resolved = people.resolve_people(read, model=frozen, threshold=threshold, progress=say, steps=steps)
    with steps.step("write"):
        people.write_clusters(resolved, out)
        if edges is not None:
            people.write_edges(resolved, edges)
    if model_out is not None and resolved.model is not None:
        resolved.model.save(model_out)
    say(steps.text())
    if timings is not None:
        timings.write_text(json.dumps(steps.taken) + "\n", encoding="utf-8")
    figures = people.summary(resolved)
    say(", ".join(f"{value} {name}" if name != "model" else f"model {value}" for name, value in figures.items()))
