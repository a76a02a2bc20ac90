"""Archive: what every load published, as Parquet in a folder or object store, so that it can be loaded again."""
