"""Patients' records: tables of visits to tensors and back, and what a model of them is asked."""

from reverie.records.codec import RecordCodec
from reverie.records.codes import CodecSettings
from reverie.records.encoded import EncodedTable, Records
from reverie.records.kinds import Column
from reverie.records.schema import Schema
from reverie.records.table import Table, read_table

__all__ = ["CodecSettings", "Column", "EncodedTable", "RecordCodec", "Records", "Schema", "Table", "read_table"]
