-- Which (organization, day) buckets received rows by the entry: one row an insert and bucket, the newest counts. What a bucket costs to be counted again is what it holds.
CREATE TABLE IF NOT EXISTS daily_marks (
    organization_id UUID, date Date, at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(at)
PARTITION BY toDate(at)
ORDER BY (organization_id, date)
TTL toDateTime(at) + INTERVAL 90 DAY DELETE
SETTINGS ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS daily_marks_mv TO daily_marks AS
SELECT organization_id, toDate(timestamp, 'UTC') AS date, now64(3, 'UTC') AS at FROM messages_kafka GROUP BY organization_id, date;

-- Buckets of one round of counting; filled and emptied by the one who counts.
CREATE TABLE IF NOT EXISTS daily_round (
    organization_id UUID, date Date, seen DateTime64(3, 'UTC')
) ENGINE = MergeTree ORDER BY (organization_id, date);

-- How far a bucket is counted: the newest mark that was known by then, and when it was.
CREATE TABLE IF NOT EXISTS daily_counted (
    organization_id UUID, date Date, seen DateTime64(3, 'UTC'), counted_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(counted_at)
ORDER BY (organization_id, date);

-- The same rows as daily_stats counts, by quarters of an hour, which every zone of today is made of, and by what reports ask for. A key that no row has any more keeps a row of zeros, so that
-- of two rows of one key the later one always counts.
CREATE TABLE IF NOT EXISTS quarter_stats_data (
    organization_id UUID, date Date, quarter DateTime('UTC'), account_id UUID, campaign_id UUID, template_id UUID,
    direction Enum8('inbound' = 1, 'outbound' = 2), message_type_exact LowCardinality(String),
    category LowCardinality(String), market LowCardinality(String), currency LowCardinality(String), error_code LowCardinality(String),
    messages UInt64, sent UInt64, delivered UInt64, read UInt64, failed UInt64, received UInt64, replied UInt64, new_contacts UInt64,
    cost Decimal(38, 6), delivery_ms_sum UInt64, delivery_n UInt64, read_ms_sum UInt64, read_n UInt64,
    ai_processed UInt64, auto_replied UInt64, sentiment_sum Float64,
    version DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(date)
ORDER BY (organization_id, date, quarter, account_id, campaign_id, template_id, direction, message_type_exact, category, market, currency, error_code)
SETTINGS index_granularity = 2048, min_age_to_force_merge_seconds = 1800, min_age_to_force_merge_on_partition_only = 1;

-- The same without what most reports do not ask for: a year of a large organization is some hundred thousand rows.
CREATE TABLE IF NOT EXISTS quarter_totals_data (
    organization_id UUID, date Date, quarter DateTime('UTC'), account_id UUID, direction Enum8('inbound' = 1, 'outbound' = 2),
    messages UInt64, sent UInt64, delivered UInt64, read UInt64, failed UInt64, received UInt64, replied UInt64, new_contacts UInt64,
    cost Decimal(38, 6), delivery_ms_sum UInt64, delivery_n UInt64, read_ms_sum UInt64, read_n UInt64,
    ai_processed UInt64, auto_replied UInt64, sentiment_sum Float64,
    version DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(date)
ORDER BY (organization_id, date, quarter, account_id, direction)
SETTINGS index_granularity = 2048, min_age_to_force_merge_seconds = 1800, min_age_to_force_merge_on_partition_only = 1;

-- The quarters by UTC day: for what is not asked by time, the whole days of a range come from here and its edges from the quarters.
CREATE TABLE IF NOT EXISTS day_stats_data (
    organization_id UUID, date Date, account_id UUID, campaign_id UUID, template_id UUID,
    direction Enum8('inbound' = 1, 'outbound' = 2), message_type_exact LowCardinality(String),
    category LowCardinality(String), market LowCardinality(String), currency LowCardinality(String), error_code LowCardinality(String),
    messages UInt64, sent UInt64, delivered UInt64, read UInt64, failed UInt64, received UInt64, replied UInt64, new_contacts UInt64,
    cost Decimal(38, 6), delivery_ms_sum UInt64, delivery_n UInt64, read_ms_sum UInt64, read_n UInt64,
    ai_processed UInt64, auto_replied UInt64, sentiment_sum Float64,
    version DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(date)
ORDER BY (organization_id, date, account_id, campaign_id, template_id, direction, message_type_exact, category, market, currency, error_code)
SETTINGS index_granularity = 2048, min_age_to_force_merge_seconds = 1800, min_age_to_force_merge_on_partition_only = 1;

-- Who wrote or was written to on a UTC day, by number and (account_id all zeros) of all numbers together: people do not add up, their states merge. Few rows a granule, because a state may have 96 KB
-- and an organization's year is all that is read.
CREATE TABLE IF NOT EXISTS people_data (
    organization_id UUID, account_id UUID, date Date, people UInt64, contacts_state AggregateFunction(uniqCombined64(17), UUID), version DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(date)
ORDER BY (organization_id, account_id, date)
SETTINGS index_granularity = 64, min_age_to_force_merge_seconds = 1800, min_age_to_force_merge_on_partition_only = 1;

-- What readers outside of this product look at.
CREATE VIEW IF NOT EXISTS quarter_stats AS
SELECT * EXCEPT (version) FROM quarter_stats_data FINAL WHERE messages + sent + delivered + read + failed + received + replied + delivery_n + read_n > 0 OR cost != 0;

-- Up to which place of each shard's log everything above is counted, and at which time that was so.
CREATE TABLE IF NOT EXISTS reports_counted (
    shard String, position UInt64, at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(at)
ORDER BY shard;
