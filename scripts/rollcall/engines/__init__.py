"""Where models run: DuckDB in this process, or Apache Spark on a cluster."""
