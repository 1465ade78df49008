-- What statements are told from is cut by place in the chain as well as by day: a statement as of a moment reads the entries of one part,
-- 2^15 at most, however many a day has (docs/decisions/0271). The sums of before are made anew out of the entries.
SET ROLE bsp_owner;

ALTER TABLE bsp.statement_days ADD COLUMN part int NOT NULL DEFAULT 0; -- (sequence - 1) >> 15 of the entries in the month's chain
ALTER TABLE bsp.statement_days DROP CONSTRAINT statement_days_pkey;
ALTER TABLE bsp.statement_days ADD PRIMARY KEY (organization_id, currency, day, part, kind, category, market, account_id, effective_month);
TRUNCATE bsp.statement_days;
INSERT INTO bsp.statement_days (organization_id, currency, day, part, kind, category, market, account_id, effective_month, count, amount,
  first_effective, last_effective, first_recorded, last_recorded)
SELECT e.organization_id, e.currency, e.day, e.part, e.kind, e.category, e.market, e.account_id, e.effective_month, count(*), sum(e.change),
       min(e.effective_at), max(e.effective_at), min(e.created_at), max(e.created_at)
  FROM (SELECT t.organization_id, t.currency, (t.created_at AT TIME ZONE 'UTC')::date AS day, ((t.sequence - 1) >> 15)::int AS part,
               CASE WHEN t.metadata ->> 'kind' = 'adjustment' THEN 'adjustment'
                    WHEN t.type = 'refund' AND t.category = 'refund' THEN 'topup_refund' WHEN t.type = 'refund' THEN 'refund'
                    WHEN t.type = 'credit' AND t.category = 'topup' THEN 'topup'
                    WHEN t.type = 'debit' AND t.category = 'message' THEN 'usage'
                    WHEN t.category = 'subscription' THEN 'subscription' ELSE 'adjustment' END AS kind,
               CASE WHEN t.category = 'message'
                    THEN coalesce(nullif(t.metadata ->> 'pricing_category', ''), t.metadata ->> 'category', '') ELSE '' END AS category,
               coalesce(t.metadata ->> 'market', '') AS market, coalesce(t.metadata ->> 'account_id', '') AS account_id,
               to_char(coalesce((t.metadata ->> 'effective_at')::timestamptz, t.created_at) AT TIME ZONE 'UTC', 'YYYY-MM') AS effective_month,
               coalesce((t.metadata ->> 'effective_at')::timestamptz, t.created_at) AS effective_at, t.created_at,
               CASE WHEN t.type = 'debit' OR (t.type = 'refund' AND t.category = 'refund') THEN -t.amount ELSE t.amount END AS change
          FROM public.transactions t) e
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;
