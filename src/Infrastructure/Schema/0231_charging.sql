-- What became of each delivered message's price (docs/decisions/0231). The ledger says what was paid; these rows say for what, why not, and what still waits.
SET ROLE bsp_owner;

CREATE TABLE bsp.message_bills (
  organization_id uuid NOT NULL,
  message_id uuid NOT NULL,
  participant text NOT NULL,        -- of a group: whom it reached, hashed; empty: a message to one person
  account_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  campaign_id uuid,
  message_type text NOT NULL,
  recipient text,                   -- first digits of the number, or a country: the market follows from it
  sent_as text NOT NULL,            -- category by our template, or service
  in_window boolean,
  sent_at timestamptz NOT NULL,
  delivered_at timestamptz NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('charged', 'free', 'included', 'pending')),
  amount numeric(18, 6) NOT NULL CHECK (amount >= 0 AND amount < 1e12),
  currency text NOT NULL,
  market text,
  category text,
  pricing_type text,
  card text,
  reason text,
  number int NOT NULL,              -- how often it was rated with an effect
  debit_number int NOT NULL,        -- the one whose debit stands; 0: none does
  evidence jsonb,                   -- Meta's words that decided; null: assumed
  evidence_at timestamptz,
  evidence_rung smallint NOT NULL,
  takes_included boolean NOT NULL,
  tariff_version bigint NOT NULL,   -- of the last rating: pending ones are rated again by a later one
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, message_id, participant)
) WITH (fillfactor = 90);
CREATE INDEX message_bills_pending ON bsp.message_bills (organization_id, message_id, participant) WHERE outcome = 'pending';
CREATE INDEX message_bills_behind ON bsp.message_bills (tariff_version, organization_id) WHERE outcome = 'pending';
SELECT bsp.secure_by_tenant('bsp.message_bills');

-- One row an organization that is charged: locked by whoever charges it. Stopped: an event could not be taken, and nothing after it was.
CREATE TABLE bsp.charging (
  organization_id uuid PRIMARY KEY,
  pages bigint NOT NULL DEFAULT 0,
  stopped_after bigint,             -- sequence up to which everything is charged; null: not stopped
  stopped_at timestamptz,
  stop_reason text,
  retry_at timestamptz,
  attempts int NOT NULL DEFAULT 0
);
CREATE INDEX charging_stopped ON bsp.charging (retry_at) WHERE stopped_after IS NOT NULL;
SELECT bsp.secure_by_tenant('bsp.charging');

-- Places in tiers, allowances and plans' included messages; each in a period (a month, a plan's period).
CREATE TABLE bsp.charge_counters (
  organization_id uuid NOT NULL,
  period text NOT NULL,
  name text NOT NULL,
  count bigint NOT NULL,
  PRIMARY KEY (organization_id, period, name)
) WITH (fillfactor = 50);
SELECT bsp.secure_by_tenant('bsp.charge_counters');

-- A launched campaign's hold: open members times the dearest unit is what it may still need.
CREATE TABLE bsp.campaign_holds (
  campaign_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  currency text NOT NULL,
  placed numeric(18, 6) NOT NULL,
  unit_max numeric(18, 6) NOT NULL,
  included bigint NOT NULL,         -- of the plan's messages that it counts on
  open int,                         -- members that have not ended; null: the audience is not frozen yet
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'ended'))
) WITH (fillfactor = 70);
CREATE INDEX campaign_holds_open ON bsp.campaign_holds (organization_id) WHERE state = 'open';
SELECT bsp.secure_by_tenant('bsp.campaign_holds');

-- Members that ended without reaching anybody: should Meta say otherwise later, the balance pays.
CREATE TABLE bsp.ended_uncharged (
  organization_id uuid NOT NULL,
  message_id uuid NOT NULL,
  PRIMARY KEY (organization_id, message_id)
);
SELECT bsp.secure_by_tenant('bsp.ended_uncharged');

-- Of a message that no campaign sent: what was set aside of the wallet for it. Part of ledger_heads.reserved.
CREATE TABLE bsp.message_reserves (
  organization_id uuid NOT NULL,
  message_id uuid NOT NULL,
  currency text NOT NULL,
  amount numeric(18, 6) NOT NULL CHECK (amount > 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, message_id)
);
CREATE INDEX message_reserves_age ON bsp.message_reserves (created_at);
SELECT bsp.secure_by_tenant('bsp.message_reserves');

-- For those who work for every organization: ids only.
CREATE FUNCTION bsp.charging_behind(p_tariff bigint, p_now timestamptz, p_limit int)
RETURNS TABLE (organization_id uuid, stopped boolean) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  (SELECT c.organization_id, true FROM bsp.charging c WHERE c.stopped_after IS NOT NULL AND c.retry_at <= p_now ORDER BY c.retry_at LIMIT p_limit)
  UNION ALL
  (SELECT DISTINCT b.organization_id, false FROM bsp.message_bills b WHERE b.outcome = 'pending' AND b.tariff_version < p_tariff LIMIT p_limit)
$$;
CREATE FUNCTION bsp.charging_trouble() RETURNS TABLE (stopped bigint, pending bigint) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT (SELECT count(*) FROM bsp.charging c WHERE c.stopped_after IS NOT NULL),
         (SELECT count(*) FROM (SELECT FROM bsp.message_bills b WHERE b.outcome = 'pending' LIMIT 100000) p)
$$;
-- Of messages that never came to be, and of whatever is too old to be charged.
CREATE FUNCTION bsp.reserves_orphaned(p_before timestamptz, p_over timestamptz, p_limit int)
RETURNS TABLE (organization_id uuid, message_id uuid, created_at timestamptz) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.organization_id, r.message_id, r.created_at FROM (SELECT * FROM bsp.message_reserves x WHERE x.created_at < p_before ORDER BY x.created_at LIMIT 5000) r
   WHERE r.created_at < p_over OR NOT EXISTS (SELECT FROM public.mt_streams s WHERE s.tenant_id = r.organization_id::text AND s.id = r.message_id OFFSET 0) LIMIT p_limit
$$;
REVOKE ALL ON FUNCTION bsp.charging_behind(bigint, timestamptz, int), bsp.charging_trouble(), bsp.reserves_orphaned(timestamptz, timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.charging_behind(bigint, timestamptz, int), bsp.charging_trouble(), bsp.reserves_orphaned(timestamptz, timestamptz, int) TO bsp_app;
REVOKE ALL ON bsp.message_bills, bsp.charging, bsp.charge_counters, bsp.campaign_holds, bsp.ended_uncharged, bsp.message_reserves FROM bsp_app;
GRANT SELECT, INSERT, UPDATE ON bsp.message_bills, bsp.charging, bsp.charge_counters, bsp.campaign_holds TO bsp_app;
GRANT SELECT, INSERT ON bsp.ended_uncharged TO bsp_app;
GRANT SELECT, INSERT, DELETE ON bsp.message_reserves TO bsp_app;

-- The process manager begins where the log ends now.
INSERT INTO bsp.projections (name, sequence) SELECT 'charging.v1', CASE WHEN is_called THEN last_value ELSE 0 END FROM public.mt_events_sequence;
