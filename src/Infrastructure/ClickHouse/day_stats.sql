-- The quarters of these buckets by UTC day.
INSERT INTO day_stats_data
SELECT organization_id, date, account_id, campaign_id, template_id, direction, message_type_exact, category, market, currency, error_code,
    sum(q.messages), sum(q.sent), sum(q.delivered), sum(q.read), sum(q.failed), sum(q.received), sum(q.replied), sum(q.new_contacts), sum(q.cost),
    sum(q.delivery_ms_sum), sum(q.delivery_n), sum(q.read_ms_sum), sum(q.read_n), sum(q.ai_processed), sum(q.auto_replied), sum(q.sentiment_sum), now64(3, 'UTC')
FROM (SELECT * FROM quarter_stats_data FINAL WHERE (organization_id, date) IN ({buckets})) AS q
GROUP BY organization_id, date, account_id, campaign_id, template_id, direction, message_type_exact, category, market, currency, error_code
