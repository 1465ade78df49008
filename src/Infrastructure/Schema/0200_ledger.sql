-- The ledger's tables (docs/decisions/0200): the specification's transactions by months, the wallets' heads, charges, holds, and the Merkle trees' inner nodes.
SET ROLE bsp_owner;

-- Nothing has ever written it; it becomes a table in partitions.
DO $$ BEGIN IF EXISTS (SELECT FROM public.transactions) THEN RAISE EXCEPTION 'transactions has rows that no ledger wrote: move them away before this migration'; END IF; END $$;
DROP TABLE public.transactions;

-- Inline view of the ledger's streams. Ids are UUIDv7 of created_at, so a month is a range of them and a look-up reads one partition. There is no foreign key: an organization that
-- was never there has no wallet, and a check a row would cost more than the row.
CREATE TABLE public.transactions (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  type text NOT NULL CHECK (type IN ('credit', 'debit', 'refund')),
  amount numeric(18, 6) NOT NULL CHECK (amount > 0 AND amount < 1e12),                                   -- NaN is greater than every number
  balance_after numeric(18, 6) NOT NULL CHECK (balance_after > -1e12 AND balance_after < 1e12),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  category text NOT NULL CHECK (category IN ('message', 'subscription', 'topup', 'refund')),
  reference_id text,
  description text,
  metadata jsonb,
  created_at timestamptz NOT NULL,
  -- own:
  sequence bigint NOT NULL CHECK (sequence > 1),  -- place in the month's chain
  previous_hash bytea NOT NULL CHECK (octet_length(previous_hash) = 32),
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (organization_id, id)               -- no index leads over all organizations (0150)
) PARTITION BY RANGE (id);
CREATE INDEX transactions_reference ON public.transactions (reference_id, organization_id, id) WHERE reference_id IS NOT NULL;
CREATE INDEX transactions_rare ON public.transactions (organization_id, category, type, id) WHERE type <> 'debit' OR category <> 'message';
SELECT bsp.secure_by_tenant('public.transactions');

-- The least UUIDv7 of a time.
CREATE FUNCTION bsp.uuid7_floor(p_at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (lpad(to_hex(floor(extract(epoch FROM p_at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;

-- Attached, not created as a part: that waits for nobody who posts, and nobody waits for it.
CREATE FUNCTION bsp.ledger_make_partitions(p_from date, p_months int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE d date; name text; made int := 0;
BEGIN
  IF p_months NOT BETWEEN 1 AND 24 THEN RAISE EXCEPTION 'at most 24 months at once'; END IF;
  PERFORM pg_advisory_xact_lock(1113679445, 1);
  FOR i IN 0 .. p_months - 1 LOOP
    d := (date_trunc('month', p_from::timestamp) + make_interval(months => i))::date; name := 'transactions_' || to_char(d, 'YYYYMM');
    CONTINUE WHEN to_regclass('public.' || name) IS NOT NULL;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.transactions INCLUDING ALL)', name);
    EXECUTE format('REVOKE ALL ON public.%I FROM bsp_app', name); -- through transactions only
    EXECUTE format('ALTER TABLE public.transactions ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', name,
      bsp.uuid7_floor(d::timestamp AT TIME ZONE 'UTC'), bsp.uuid7_floor((d + interval '1 month')::timestamp AT TIME ZONE 'UTC'));
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;
SELECT bsp.ledger_make_partitions((now() AT TIME ZONE 'UTC')::date, 4);

-- The end of each wallet's chain, moved in the transaction of its entries and locked by whoever posts. What it says follows from the streams; an audit compares them.
CREATE TABLE bsp.ledger_heads (
  organization_id uuid NOT NULL,
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  first_month text NOT NULL,        -- yyyy-mm: the chain begins with its opening entry
  month text NOT NULL,              -- yyyy-mm: the open one
  size bigint NOT NULL,             -- its entries: version of its stream
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  balance numeric(18, 6) NOT NULL CHECK (balance > -1e12 AND balance < 1e12),
  held numeric(18, 6) NOT NULL CHECK (held >= 0 AND held < 1e12),
  tree bytea NOT NULL,              -- finished subtrees of the month's Merkle tree, largest first, 32 bytes each
  last_at timestamptz NOT NULL,     -- recorded time of the last entry
  position bigint NOT NULL,         -- seq_id of the last entry
  reserved numeric(18, 6) NOT NULL DEFAULT 0 CHECK (reserved >= 0 AND reserved < 1e12), -- for single sends that are on their way: no entry, only less available
  low boolean NOT NULL DEFAULT false, -- below the organization's threshold, and told so
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, currency)
) WITH (fillfactor = 50);
CREATE INDEX ledger_heads_month ON bsp.ledger_heads (month, organization_id, currency);
SELECT bsp.secure_by_tenant('bsp.ledger_heads');

-- What was charged, topped up and given back, each once in an organization: a table in partitions cannot say that.
CREATE TABLE bsp.charges (
  organization_id uuid NOT NULL,
  reference uuid NOT NULL,          -- the thing's own id, or the UUIDv5 of its name
  kind text NOT NULL CHECK (kind ~ '^[a-z0-9_]{1,32}$'),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  state text NOT NULL CHECK (state ~ '^[a-z_]{1,32}$'), -- posted: it has an entry; pending: it may get one; others have none
  type text CHECK (type IN ('credit', 'debit', 'refund')),
  category text CHECK (category IN ('message', 'subscription', 'topup', 'refund')),
  amount numeric(18, 6) NOT NULL CHECK (amount >= 0 AND amount < 1e12),
  refunded numeric(18, 6) NOT NULL DEFAULT 0,
  entry_id uuid,
  of_reference uuid,                -- of a refund: what is given back
  of_kind text,
  evidence jsonb,                   -- what decided
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, reference, kind),
  CHECK ((state = 'posted') = (entry_id IS NOT NULL)),
  CHECK (refunded >= 0 AND refunded <= amount)
) WITH (fillfactor = 90);
SELECT bsp.secure_by_tenant('bsp.charges');

-- What was posted stays as it was posted; more of it may be given back.
CREATE FUNCTION bsp.charge_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF OLD.entry_id IS NOT NULL AND ((NEW.entry_id, NEW.state, NEW.type, NEW.category, NEW.currency, NEW.amount, NEW.of_reference, NEW.of_kind)
       IS DISTINCT FROM (OLD.entry_id, OLD.state, OLD.type, OLD.category, OLD.currency, OLD.amount, OLD.of_reference, OLD.of_kind) OR NEW.refunded < OLD.refunded) THEN
    RAISE EXCEPTION 'what was posted is not changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER charge_stays BEFORE UPDATE ON bsp.charges FOR EACH ROW EXECUTE FUNCTION bsp.charge_stays();
ALTER TABLE bsp.charges ENABLE ALWAYS TRIGGER charge_stays;

CREATE TABLE bsp.ledger_holds (
  organization_id uuid NOT NULL,
  reference text NOT NULL CHECK (length(reference) BETWEEN 1 AND 255),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  category text NOT NULL CHECK (category IN ('message', 'subscription', 'topup', 'refund')),
  placed numeric(18, 6) NOT NULL CHECK (placed > 0 AND placed < 1e12),
  remaining numeric(18, 6) NOT NULL CHECK (remaining >= 0 AND remaining <= placed),
  expires_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('open', 'settled', 'released', 'expired')),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, reference),
  CHECK (state = 'open' OR remaining = 0)
) WITH (fillfactor = 70);
CREATE INDEX ledger_holds_due ON bsp.ledger_holds (expires_at, organization_id, reference) WHERE state = 'open';
SELECT bsp.secure_by_tenant('bsp.ledger_holds');

-- Finished subtrees of 2^8 entries and more: a proof reads at most 256 entries' hashes beside them.
CREATE TABLE bsp.ledger_nodes (
  organization_id uuid NOT NULL,
  currency text NOT NULL,
  month text NOT NULL,
  level smallint NOT NULL CHECK (level BETWEEN 8 AND 62),
  index bigint NOT NULL CHECK (index >= 0),
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (organization_id, currency, month, level, index)
);
SELECT bsp.secure_by_tenant('bsp.ledger_nodes');

-- For the clock, which works for every organization: wallets whose month is over, holds whose time is.
CREATE FUNCTION bsp.ledger_idle(p_before text, p_after_month text, p_after_organization uuid, p_after_currency text, p_limit int)
RETURNS TABLE (organization_id uuid, currency text, month text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT h.organization_id, h.currency, h.month FROM bsp.ledger_heads h
   WHERE h.month < p_before AND (h.month, h.organization_id, h.currency) > (p_after_month, p_after_organization, p_after_currency)
   ORDER BY h.month, h.organization_id, h.currency LIMIT least(p_limit, 1000)
$$;
CREATE FUNCTION bsp.ledger_due_holds(p_at timestamptz, p_after timestamptz, p_after_organization uuid, p_after_reference text, p_limit int)
RETURNS TABLE (organization_id uuid, currency text, reference text, expires_at timestamptz) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT h.organization_id, h.currency, h.reference, h.expires_at FROM bsp.ledger_holds h
   WHERE h.state = 'open' AND h.expires_at <= p_at AND (h.expires_at, h.organization_id, h.reference) > (p_after, p_after_organization, p_after_reference)
   ORDER BY h.expires_at, h.organization_id, h.reference LIMIT least(p_limit, 1000)
$$;

-- The last entry of a month's stream, and its place in the log, that was recorded at or before a moment (as text: the form sorts as the times do); null: none. Recorded time never decreases, so it is found by
-- halving: some twenty look-ups in a month of a million.
CREATE FUNCTION bsp.ledger_entry_at(p_tenant text, p_stream uuid, p_size bigint, p_at text) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE low bigint := 0; high bigint := p_size; middle bigint; entry jsonb; found jsonb;
BEGIN
  WHILE low < high LOOP
    middle := (low + high + 1) / 2;
    SELECT jsonb_build_object('position', e.seq_id, 'entry', e.data -> 'entry') INTO entry
      FROM public.mt_events e WHERE e.tenant_id = p_tenant AND e.stream_id = p_stream AND e.version = middle;
    IF entry IS NULL THEN RAISE EXCEPTION 'entry % of stream % is missing', middle, p_stream USING ERRCODE = 'data_corrupted'; END IF;
    IF (entry #>> '{entry,created_at}') COLLATE "C" <= p_at THEN low := middle; found := entry; ELSE high := middle - 1; END IF;
  END LOOP;
  RETURN found;
END $$;

-- Rights: evidence is added to and read; of the rows that move, only what moves.
REVOKE ALL ON public.transactions, bsp.ledger_heads, bsp.charges, bsp.ledger_holds, bsp.ledger_nodes FROM bsp_app;
GRANT SELECT, INSERT ON public.transactions, bsp.ledger_heads, bsp.charges, bsp.ledger_holds, bsp.ledger_nodes TO bsp_app;
GRANT UPDATE (month, size, hash, balance, held, tree, last_at, position, reserved, low) ON bsp.ledger_heads TO bsp_app;
GRANT UPDATE (currency, state, type, category, amount, refunded, entry_id, of_reference, of_kind, evidence, updated_at) ON bsp.charges TO bsp_app;
GRANT UPDATE (remaining, state, updated_at) ON bsp.ledger_holds TO bsp_app;
REVOKE ALL ON FUNCTION bsp.uuid7_floor(timestamptz), bsp.ledger_make_partitions(date, int), bsp.charge_stays(), bsp.ledger_idle(text, text, uuid, text, int),
  bsp.ledger_due_holds(timestamptz, timestamptz, uuid, text, int), bsp.ledger_entry_at(text, uuid, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.uuid7_floor(timestamptz), bsp.ledger_make_partitions(date, int), bsp.ledger_idle(text, text, uuid, text, int),
  bsp.ledger_due_holds(timestamptz, timestamptz, uuid, text, int), bsp.ledger_entry_at(text, uuid, bigint, text) TO bsp_app;
