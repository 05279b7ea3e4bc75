"""Many clips, or one long film, painted by as many machines as a Dask scheduler has workers on."""
