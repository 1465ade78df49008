-- Rows are replaced as a whole by a job, never summed: sums over redelivered or re-chunked batches are wrong, and uniques and averages do not add up.
-- contacts_state is empty since people_data holds the states.
CREATE TABLE IF NOT EXISTS daily_stats_data (
    date Date, organization_id UUID, account_id UUID, total_messages UInt32, sent_messages UInt32, delivered_messages UInt32, read_messages UInt32, failed_messages UInt32,
    total_cost Decimal64(6), unique_contacts UInt32, new_contacts UInt32, ai_processed_messages UInt32, auto_replied_messages UInt32, avg_delivery_time_ms UInt32, avg_read_time_ms UInt32,
    contacts_state AggregateFunction(uniqCombined64(17), UUID), delivery_time_ms_sum UInt64, delivery_time_n UInt32, read_time_ms_sum UInt64, read_time_n UInt32,
    version DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(date)
ORDER BY (organization_id, date, account_id)
SETTINGS min_age_to_force_merge_seconds = 1800, min_age_to_force_merge_on_partition_only = 1;

CREATE VIEW IF NOT EXISTS daily_stats AS
SELECT date, organization_id, account_id, total_messages, sent_messages, delivered_messages, read_messages, failed_messages, total_cost,
    unique_contacts, new_contacts, ai_processed_messages, auto_replied_messages, avg_delivery_time_ms, avg_read_time_ms
FROM daily_stats_data FINAL;
