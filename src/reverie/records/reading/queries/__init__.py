"""Queries on databases: query.py says what they are, the other files ask one kind of database each."""

from reverie.records.reading.queries.query import Failed, Query, asks_a_server, kind_of, query_stream, redacted

__all__ = ["Failed", "Query", "asks_a_server", "kind_of", "query_stream", "redacted"]
