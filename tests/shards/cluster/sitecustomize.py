"""Run by every process of the tests' cluster as it begins: they know the work of stones.py."""

from reverie.shards.work import KINDS

KINDS["stones"] = "stones:Stones"
