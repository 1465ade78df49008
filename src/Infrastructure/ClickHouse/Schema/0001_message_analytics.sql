-- One row per (message, status); a redelivered row collapses by its key, and of two rows with one key the later place in the event log wins.
-- Differs from the specification's DDL: ReplacingMergeTree for MergeTree (redelivery), UTC named, columns after year (what daily_stats needs), count may
-- be 0 (a failure that a later delivery overruled). See docs/decisions.
CREATE TABLE IF NOT EXISTS message_analytics (
    timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)), organization_id UUID, account_id UUID, campaign_id UUID, contact_id UUID, message_id UUID,
    direction Enum8('inbound' = 1, 'outbound' = 2),
    message_type Enum8('text' = 1, 'image' = 2, 'video' = 3, 'audio' = 4, 'document' = 5, 'template' = 6, 'interactive' = 7),
    status Enum8('sent' = 1, 'delivered' = 2, 'read' = 3, 'failed' = 4),
    count UInt32 DEFAULT 1, cost Decimal64(6), sentiment_score Float32, ai_processed UInt8,
    date Date, hour UInt8, day_of_week UInt8, week UInt8, month UInt8, year UInt16,
    auto_replied UInt8 DEFAULT 0, new_contact UInt8 DEFAULT 0, delivery_time_ms UInt32 DEFAULT 0, read_time_ms UInt32 DEFAULT 0,
    message_type_exact LowCardinality(String) DEFAULT '', position UInt64,
    template_id UUID, error_code LowCardinality(String), category LowCardinality(String), market LowCardinality(String), currency LowCardinality(String),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    INDEX ix_ingested ingested_at TYPE minmax GRANULARITY 1
) ENGINE = ReplacingMergeTree(position)
PARTITION BY toYYYYMM(timestamp)
PRIMARY KEY (organization_id, timestamp)
ORDER BY (organization_id, timestamp, message_id, status)
TTL toDateTime(timestamp) + INTERVAL 61 MONTH DELETE
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS message_analytics_mv TO message_analytics AS
SELECT timestamp, organization_id, account_id, campaign_id, contact_id, message_id, direction, message_type, status,
    count, cost, sentiment_score, ai_processed,
    toDate(timestamp, 'UTC') AS date, toHour(timestamp, 'UTC') AS hour, toDayOfWeek(timestamp, 0, 'UTC') AS day_of_week,
    toISOWeek(timestamp, 'UTC') AS week, toMonth(timestamp, 'UTC') AS month, toYear(timestamp, 'UTC') AS year,
    auto_replied, new_contact, delivery_time_ms, read_time_ms, message_type_exact, position, template_id, error_code, category, market, currency, now64(3, 'UTC') AS ingested_at
FROM messages_kafka;
