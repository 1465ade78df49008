-- The entry point. The engine: Null, fed by HTTP INSERT; or Kafka when Bsp:ClickHouse:KafkaBrokers names a broker.
CREATE TABLE IF NOT EXISTS messages_kafka (
    timestamp DateTime64(3, 'UTC'), organization_id UUID, account_id UUID, campaign_id UUID, contact_id UUID, message_id UUID,
    direction Enum8('inbound' = 1, 'outbound' = 2),
    message_type Enum8('text' = 1, 'image' = 2, 'video' = 3, 'audio' = 4, 'document' = 5, 'template' = 6, 'interactive' = 7),
    status Enum8('sent' = 1, 'delivered' = 2, 'read' = 3, 'failed' = 4),
    count UInt32, cost Decimal64(6), sentiment_score Float32, ai_processed UInt8,
    auto_replied UInt8, new_contact UInt8, delivery_time_ms UInt32, read_time_ms UInt32,
    message_type_exact LowCardinality(String), position UInt64,
    template_id UUID, error_code LowCardinality(String), category LowCardinality(String), market LowCardinality(String), currency LowCardinality(String)
) ENGINE = {engine};
