-- Kept for ever: filled per month partition just before that partition is dropped.
CREATE TABLE IF NOT EXISTS message_analytics_archive (
    month Date, organization_id UUID, account_id UUID, campaign_id UUID, date Date,
    direction Enum8('inbound' = 1, 'outbound' = 2),
    message_type Enum8('text' = 1, 'image' = 2, 'video' = 3, 'audio' = 4, 'document' = 5, 'template' = 6, 'interactive' = 7),
    status Enum8('sent' = 1, 'delivered' = 2, 'read' = 3, 'failed' = 4),
    count UInt64, cost Decimal(38, 6), ai_processed UInt64, sentiment_sum Float64, version DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYear(month)
ORDER BY (organization_id, month, date, account_id, campaign_id, direction, message_type, status);
