-- The same buckets by quarters of an hour. A message counts once a day, where its first row of the day stands, and there
-- without category and reason, which only some of its rows have. A reply is the first message of a customer within seven days of the latest
-- delivered message to them; it counts for that message's campaign and template, when it came. Keys that are no more become zero.
INSERT INTO quarter_stats_data
SELECT organization_id, date, quarter, account_id, campaign_id, template_id, direction, message_type_exact, category, market, currency, error_code,
    sum(messages), sum(sent), sum(delivered), sum(was_read), sum(failed), sum(received), sum(replied), sum(new_contacts), sum(cost), sum(delivery_ms_sum), sum(delivery_n), sum(read_ms_sum), sum(read_n),
    sum(ai_processed), sum(auto_replied), sum(sentiment_sum), now64(3, 'UTC')
FROM (
    SELECT organization_id, date, toDateTime(intDiv(toUnixTimestamp64Milli(timestamp), 900000) * 900, 'UTC') AS quarter, account_id, campaign_id, template_id, direction, message_type_exact, category, market,
        currency, error_code,
        toUInt64(0) AS messages, toUInt64(sumIf(count, status = 'sent')) AS sent, toUInt64(sumIf(count, status = 'delivered' AND direction = 'outbound')) AS delivered,
        toUInt64(sumIf(count, status = 'read')) AS was_read, toUInt64(sumIf(count, status = 'failed')) AS failed, toUInt64(sumIf(count, direction = 'inbound')) AS received, toUInt64(0) AS replied,
        toUInt64(countIf(new_contact = 1)) AS new_contacts, toDecimal128(sum(m.cost), 6) AS cost,
        toUInt64(sumIf(delivery_time_ms, status = 'delivered' AND direction = 'outbound')) AS delivery_ms_sum, toUInt64(countIf(status = 'delivered' AND direction = 'outbound')) AS delivery_n,
        toUInt64(sumIf(read_time_ms, status = 'read')) AS read_ms_sum, toUInt64(countIf(status = 'read')) AS read_n,
        toUInt64(countIf(m.ai_processed = 1)) AS ai_processed, toUInt64(countIf(m.auto_replied = 1)) AS auto_replied, toFloat64(sumIf(m.sentiment_score, m.ai_processed = 1)) AS sentiment_sum
    FROM message_analytics AS m FINAL WHERE {bucket}
    GROUP BY organization_id, date, quarter, account_id, campaign_id, template_id, direction, message_type_exact, category, market, currency, error_code
    UNION ALL
    SELECT organization_id, date, quarter, account_id, campaign_id, template_id, direction, message_type_exact, '' AS category, '' AS market, '' AS currency, '' AS error_code,
        toUInt64(count()) AS messages, toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), toDecimal128(0, 6), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0),
        toUInt64(0), toUInt64(0), toFloat64(0)
    FROM (
        SELECT organization_id, date, message_id, toDateTime(intDiv(toUnixTimestamp64Milli(min(timestamp)), 900000) * 900, 'UTC') AS quarter, max(account_id) AS account_id, max(campaign_id) AS campaign_id,
            max(template_id) AS template_id, max(direction) AS direction, max(message_type_exact) AS message_type_exact
        FROM message_analytics FINAL WHERE {bucket} AND count > 0 GROUP BY organization_id, date, message_id )
    GROUP BY organization_id, date, quarter, account_id, campaign_id, template_id, direction, message_type_exact
    UNION ALL
    SELECT organization_id, date, quarter, account_id, campaign_id, template_id, direction, message_type_exact, '' AS category, '' AS market, '' AS currency, '' AS error_code,
        toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(count()) AS replied, toUInt64(0), toDecimal128(0, 6), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0),
        toUInt64(0), toUInt64(0), toFloat64(0)
    FROM (
        SELECT i.organization_id AS organization_id, i.date AS date, toDateTime(intDiv(toUnixTimestamp64Milli(i.timestamp), 900000) * 900, 'UTC') AS quarter, i.account_id AS account_id,
            o.campaign_id AS campaign_id, o.template_id AS template_id, o.direction AS direction, o.message_type_exact AS message_type_exact, o.timestamp AS answered, i.before AS before, i.timestamp AS at
        FROM (
            SELECT organization_id, date, timestamp, account_id, contact_id, lagInFrame(timestamp, 1, toDateTime64(0, 3, 'UTC')) OVER (PARTITION BY organization_id, account_id, contact_id ORDER BY timestamp, message_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before
            FROM message_analytics FINAL WHERE direction = 'inbound' AND count > 0 AND {around} ) AS i
        ASOF INNER JOIN (
            SELECT organization_id, account_id, contact_id, campaign_id, template_id, direction, message_type_exact, timestamp
            FROM message_analytics FINAL WHERE direction = 'outbound' AND status = 'delivered' AND count > 0 AND {around}
                AND contact_id IN (SELECT contact_id FROM message_analytics WHERE direction = 'inbound' AND {bucket}) ) AS o
        ON i.organization_id = o.organization_id AND i.account_id = o.account_id AND i.contact_id = o.contact_id AND i.timestamp >= o.timestamp )
    WHERE before < answered AND answered > at - INTERVAL 7 DAY AND (organization_id, date) IN ({buckets})
    GROUP BY organization_id, date, quarter, account_id, campaign_id, template_id, direction, message_type_exact
    UNION ALL
    SELECT organization_id, date, quarter, account_id, campaign_id, template_id, direction, message_type_exact, category, market, currency, error_code,
        toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), toDecimal128(0, 6), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0),
        toUInt64(0), toUInt64(0), toFloat64(0)
    FROM quarter_stats_data WHERE {old}
)
GROUP BY organization_id, date, quarter, account_id, campaign_id, template_id, direction, message_type_exact, category, market, currency, error_code
