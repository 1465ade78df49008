-- Rebuilds the (organization, day) buckets that received rows since the newest version, with an overlap for inserts under way at that moment.
-- Counts are sums of count, because an overruled failure stays as a row that counts 0. Deliveries count outbound messages only.
INSERT INTO daily_stats_data
WITH (SELECT max(version) FROM daily_stats_data) - INTERVAL {overlap_seconds:UInt32} SECOND AS since,
     dirty AS (SELECT DISTINCT organization_id, date FROM message_analytics WHERE ingested_at >= since)
SELECT date, organization_id, account_id,
    uniqExactIf(message_id, count > 0), sumIf(count, status = 'sent'), sumIf(count, status = 'delivered' AND direction = 'outbound'), sumIf(count, status = 'read'), sumIf(count, status = 'failed'),
    sum(cost), uniqExactIf(contact_id, count > 0), countIf(new_contact), uniqExactIf(message_id, ai_processed), countIf(auto_replied),
    toUInt32(ifNotFinite(avgIf(delivery_time_ms, status = 'delivered' AND direction = 'outbound'), 0)), toUInt32(ifNotFinite(avgIf(read_time_ms, status = 'read'), 0)),
    uniqCombined64StateIf(17)(contact_id, count > 0),
    sumIf(delivery_time_ms, status = 'delivered' AND direction = 'outbound'), countIf(status = 'delivered' AND direction = 'outbound'), sumIf(read_time_ms, status = 'read'), countIf(status = 'read'),
    now64(3, 'UTC')
FROM message_analytics FINAL
WHERE organization_id IN (SELECT organization_id FROM dirty) AND timestamp >= (SELECT toDateTime64(min(date), 3, 'UTC') FROM dirty) AND (organization_id, date) IN (SELECT organization_id, date FROM dirty)
GROUP BY date, organization_id, account_id
