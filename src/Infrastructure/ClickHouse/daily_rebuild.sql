-- Counts (organization, day) buckets again as a whole. Counts are sums of count, because an overruled failure stays as a row that counts 0. Deliveries count outbound messages only.
INSERT INTO daily_stats_data
    (date, organization_id, account_id, total_messages, sent_messages, delivered_messages, read_messages, failed_messages, total_cost, unique_contacts, new_contacts, ai_processed_messages, auto_replied_messages,
     avg_delivery_time_ms, avg_read_time_ms, delivery_time_ms_sum, delivery_time_n, read_time_ms_sum, read_time_n, version)
SELECT date, organization_id, account_id,
    uniqExactIf(message_id, count > 0), sumIf(count, status = 'sent'), sumIf(count, status = 'delivered' AND direction = 'outbound'), sumIf(count, status = 'read'), sumIf(count, status = 'failed'),
    sum(cost), uniqExactIf(contact_id, count > 0), countIf(new_contact), uniqExactIf(message_id, ai_processed), countIf(auto_replied),
    toUInt32(ifNotFinite(avgIf(delivery_time_ms, status = 'delivered' AND direction = 'outbound'), 0)), toUInt32(ifNotFinite(avgIf(read_time_ms, status = 'read'), 0)),
    sumIf(delivery_time_ms, status = 'delivered' AND direction = 'outbound'), countIf(status = 'delivered' AND direction = 'outbound'), sumIf(read_time_ms, status = 'read'), countIf(status = 'read'),
    now64(3, 'UTC')
FROM message_analytics FINAL
WHERE {bucket}
GROUP BY date, organization_id, account_id
