-- People of (organization, day) buckets, by number and of all numbers together.
INSERT INTO people_data (organization_id, account_id, date, people, contacts_state, version)
SELECT organization_id, account, date, uniqCombined64Merge(17)(state), uniqCombined64MergeState(17)(state), now64(3, 'UTC')
FROM (
    SELECT organization_id, date, account_id, uniqCombined64State(17)(contact_id) AS state
    FROM message_analytics FINAL WHERE {bucket} AND count > 0 GROUP BY organization_id, date, account_id )
ARRAY JOIN [account_id, toUUID('00000000-0000-0000-0000-000000000000')] AS account
GROUP BY organization_id, account, date
