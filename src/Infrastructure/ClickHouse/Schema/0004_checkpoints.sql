-- Where each projection stands. A rebuild begins a new generation, which is part of the batch tokens: else the engine would take the replayed batches for repeats.
CREATE TABLE IF NOT EXISTS projection_checkpoints (
    name String, shard String, generation UInt64, position UInt64
) ENGINE = ReplacingMergeTree(position)
ORDER BY (name, shard, generation);
