"""Chooses the class of a shard that is a file, without importing what the others need."""

from pathlib import Path
from typing import BinaryIO

from sigclean.bulk.shards import Shard


def file_shard(
    source: Path,
    target: Path,
    column: str = "",
    group: int | None = None,
    file: BinaryIO | None = None,
) -> Shard:
    """Return the shard of a .tar or .parquet file. For arguments see the shards' classes."""
    if source.suffix.lower() == ".tar":
        from sigclean.bulk.shards.tar import TarShard

        return TarShard(source, target, column)
    from sigclean.bulk.shards.parquet import ParquetShard

    return ParquetShard(source, target, column, group, file)
