-- What a wallet's entries of one recorded day come to, in groups that a statement shows: a month of a million messages is told from a few thousand rows. Written with the entries, in their transaction;
-- a wallet's appends queue on its head row, so nobody else waits for these.
SET ROLE bsp_owner;

CREATE TABLE bsp.statement_days (
  organization_id uuid NOT NULL,
  currency text NOT NULL,
  day date NOT NULL,                -- UTC, of created_at
  kind text NOT NULL,               -- topup, subscription, usage, refund, topup_refund, adjustment
  category text NOT NULL,           -- of messages: Meta's pricing category; else empty
  market text NOT NULL,             -- empty: none
  account_id text NOT NULL,         -- the number that sent; empty: none
  effective_month text NOT NULL,    -- yyyy-mm, when it happened
  count bigint NOT NULL,
  amount numeric(24, 6) NOT NULL,   -- signed as it moved the balance
  first_effective timestamptz NOT NULL,
  last_effective timestamptz NOT NULL,
  first_recorded timestamptz NOT NULL,
  last_recorded timestamptz NOT NULL,
  PRIMARY KEY (organization_id, currency, day, kind, category, market, account_id, effective_month)
) WITH (fillfactor = 70);
SELECT bsp.secure_by_tenant('bsp.statement_days');
