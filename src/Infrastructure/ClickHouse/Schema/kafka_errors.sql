-- With Kafka: what could not be read as a row, with its error and its place in the topic. Rows that were read go on.
CREATE TABLE IF NOT EXISTS messages_kafka_errors (
    at DateTime64(3, 'UTC'), topic LowCardinality(String), partition UInt64, offset UInt64, raw String, error String
) ENGINE = MergeTree ORDER BY (at, topic, partition, offset) TTL toDateTime(at) + INTERVAL 30 DAY DELETE;

CREATE MATERIALIZED VIEW IF NOT EXISTS messages_kafka_errors_mv TO messages_kafka_errors AS
SELECT now64(3, 'UTC') AS at, _topic AS topic, _partition AS partition, _offset AS offset, substring(_raw_message, 1, 10000) AS raw, substring(_error, 1, 1000) AS error
FROM messages_kafka WHERE length(_error) > 0;
