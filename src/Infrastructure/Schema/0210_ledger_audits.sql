-- Audits of ledgers that somebody asked for, and what they found. One under way for each organization; a killed auditor's is taken up by the next one after the last whole month.
SET ROLE bsp_owner;

CREATE TABLE bsp.ledger_audits (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'passed', 'failed')),
  from_month text,                  -- yyyy-mm, inclusive; null: from the beginning
  to_month text,
  entries bigint NOT NULL DEFAULT 0,
  months int NOT NULL DEFAULT 0,
  done jsonb,                       -- where to go on: currency, month, and what was counted up to there; null: from the beginning
  first_fault jsonb,
  checks jsonb NOT NULL DEFAULT '[]',
  error text,                       -- why it could not be carried out
  attempts int NOT NULL DEFAULT 0,
  leased_by uuid,
  leased_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz
);
CREATE UNIQUE INDEX ledger_audits_running ON bsp.ledger_audits (organization_id) WHERE status = 'running';
CREATE INDEX ledger_audits_open ON bsp.ledger_audits (created_at) WHERE status = 'running';
CREATE INDEX ledger_audits_organization ON bsp.ledger_audits (organization_id, id);
SELECT bsp.secure_by_tenant('bsp.ledger_audits');

-- Gives one audit to a worker: the oldest that nobody holds. The worker learns the organization here and works under its row-level security.
CREATE FUNCTION bsp.lease_ledger_audit(p_owner uuid, p_seconds int) RETURNS TABLE (organization_id uuid, id uuid, attempts int)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE bsp.ledger_audits a SET leased_by = p_owner, leased_until = now() + make_interval(secs => p_seconds), attempts = a.attempts + 1
   WHERE a.id = (SELECT o.id FROM bsp.ledger_audits o WHERE o.status = 'running' AND (o.leased_until IS NULL OR o.leased_until < now())
                 ORDER BY o.created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING a.organization_id, a.id, a.attempts
$$;

-- Each day's heads, and one signed root over all of a database's: who keeps the root has every organization's head. Rows are added and never changed.
CREATE TABLE bsp.ledger_days (
  day date PRIMARY KEY,             -- UTC
  n bigint NOT NULL UNIQUE,         -- from 1 without gaps
  heads bigint NOT NULL,
  root bytea NOT NULL,              -- RFC 6962 over the SHA-256 of the heads' messages, in the order of organization and currency
  previous bytea NOT NULL,          -- SHA-256 of the message of the day before; 32 zero bytes: there is none
  made_at timestamptz NOT NULL,
  message text NOT NULL,            -- what is signed
  key_id text NOT NULL,
  signature bytea NOT NULL
);

CREATE TABLE bsp.ledger_day_heads (
  organization_id uuid NOT NULL,
  day date NOT NULL REFERENCES bsp.ledger_days (day) DEFERRABLE INITIALLY DEFERRED,
  currency text NOT NULL,
  place bigint NOT NULL,            -- from 0, among the day's heads
  path bytea[] NOT NULL,            -- from the head's leaf to the day's root
  message text NOT NULL,            -- what is signed
  key_id text NOT NULL,
  signature bytea NOT NULL,
  PRIMARY KEY (organization_id, day, currency)
);
SELECT bsp.secure_by_tenant('bsp.ledger_day_heads');

-- Heads of all organizations, for the day's root; p_after_*: keyset.
CREATE FUNCTION bsp.ledger_heads_of_all(p_after_organization uuid, p_after_currency text, p_limit int)
RETURNS TABLE (organization_id uuid, currency text, month text, size bigint, hash text, tree bytea, balance numeric, held numeric)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_sort = off AS $$
  SELECT h.organization_id, h.currency, h.month, h.size, encode(h.hash, 'hex'), h.tree, h.balance, h.held FROM bsp.ledger_heads h
   WHERE (h.organization_id, h.currency) > (p_after_organization, p_after_currency) ORDER BY h.organization_id, h.currency LIMIT least(p_limit, 1000)
$$;

REVOKE ALL ON bsp.ledger_days, bsp.ledger_day_heads FROM bsp_app;
GRANT SELECT, INSERT ON bsp.ledger_days, bsp.ledger_day_heads TO bsp_app;
REVOKE ALL ON FUNCTION bsp.lease_ledger_audit(uuid, int), bsp.ledger_heads_of_all(uuid, text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.lease_ledger_audit(uuid, int), bsp.ledger_heads_of_all(uuid, text, int) TO bsp_app;
