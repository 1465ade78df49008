-- The log of each day, sealed: a Merkle root for each organization, linked to its root before and signed; docs/decisions/0186. What belongs to a day is a run of numbers, so that
-- every event belongs to exactly one, however late it came. Rows are added and never changed.
SET ROLE bsp_owner;

CREATE TABLE bsp.log_keys (
  key_id text PRIMARY KEY,          -- first 16 hex digits of the public key's SHA-256
  public_key bytea NOT NULL,        -- Ed25519
  first_used_at timestamptz NOT NULL DEFAULT now()
);
-- A key says of another that its signatures count: so heads stay good when the master key that an older one came from is gone.
CREATE TABLE bsp.log_key_vouchers (
  key_id text NOT NULL REFERENCES bsp.log_keys (key_id),
  by_key_id text NOT NULL REFERENCES bsp.log_keys (key_id),
  signature bytea NOT NULL,
  PRIMARY KEY (key_id, by_key_id)
);

-- All organizations of this database together.
CREATE TABLE bsp.log_days (
  day date PRIMARY KEY,             -- UTC
  n bigint NOT NULL UNIQUE,         -- from 1 without gaps: days without an event have no row
  after_seq bigint NOT NULL,        -- the day before's up_to
  up_to bigint NOT NULL UNIQUE,
  events bigint NOT NULL,
  tenants int NOT NULL,
  root bytea NOT NULL,              -- over the tenants' heads, in the order of their names' bytes
  previous bytea NOT NULL,          -- head of the day before; 32 zero bytes: there is none
  sealed_at timestamptz NOT NULL,
  head bytea NOT NULL,
  key_id text NOT NULL REFERENCES bsp.log_keys (key_id),
  signature bytea NOT NULL
);

CREATE TABLE bsp.log_seals (
  tenant_id varchar NOT NULL,
  day date NOT NULL REFERENCES bsp.log_days (day) DEFERRABLE INITIALLY DEFERRED,
  n bigint NOT NULL,
  events bigint NOT NULL,
  root bytea NOT NULL,              -- RFC 6962 over the day's events in the order of their numbers
  previous bytea NOT NULL,
  acts bigint NOT NULL,             -- administrative acts on the trail when it was sealed, and the hash of the last
  acts_hash bytea NOT NULL,
  sealed_at timestamptz NOT NULL,
  head bytea NOT NULL,
  key_id text NOT NULL REFERENCES bsp.log_keys (key_id),
  signature bytea NOT NULL,
  PRIMARY KEY (tenant_id, day),
  UNIQUE (tenant_id, n)
);
CREATE INDEX log_seals_day ON bsp.log_seals (day, tenant_id);
ALTER TABLE bsp.log_seals ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON bsp.log_seals USING (tenant_id = ANY ((SELECT bsp.tenant_ids())::text[]));

-- The leaves under the roots, so that an audit can name the event: 72 bytes each: number (8, big endian), event id (16), tenant (16: its UUID, else the start of its name's SHA-256), leaf (32).
CREATE TABLE bsp.log_leaves (
  day date NOT NULL REFERENCES bsp.log_days (day) DEFERRABLE INITIALLY DEFERRED,
  chunk int NOT NULL,               -- from 0
  records bytea NOT NULL,
  PRIMARY KEY (day, chunk)
);
ALTER TABLE bsp.log_leaves ALTER COLUMN records SET STORAGE EXTERNAL;

REVOKE ALL ON bsp.log_keys, bsp.log_key_vouchers, bsp.log_days, bsp.log_seals, bsp.log_leaves FROM bsp_app;
GRANT SELECT, INSERT ON bsp.log_keys, bsp.log_key_vouchers, bsp.log_days, bsp.log_seals, bsp.log_leaves TO bsp_app;

-- Everything that is stored of each event, for the sealer and the audit, which hash it; p_tenant null: all.
CREATE FUNCTION bsp.read_sealable(p_after bigint, p_up_to bigint, p_tenant text, p_limit int)
RETURNS TABLE (seq_id bigint, id uuid, tenant_id varchar, stream_id uuid, version bigint, type varchar, "timestamp" timestamptz, mt_dotnet_type varchar, correlation_id varchar, causation_id varchar,
               user_name varchar, headers bytea, data bytea, bdata bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
  SELECT e.seq_id, e.id, e.tenant_id, e.stream_id, e.version, e.type, e.timestamp, e.mt_dotnet_type, e.correlation_id, e.causation_id, e.user_name,
         convert_to(e.headers::text, 'UTF8'), convert_to(e.data::text, 'UTF8'), e.bdata
    FROM public.mt_events e WHERE e.seq_id > p_after AND e.seq_id <= p_up_to AND (p_tenant IS NULL OR e.tenant_id = p_tenant) ORDER BY e.seq_id LIMIT p_limit
$$;

-- The first event after a number; and the last one up to a number that is older than a time. Null: none.
CREATE FUNCTION bsp.first_sealable(p_after bigint, p_up_to bigint) RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
  SELECT e.timestamp FROM public.mt_events e WHERE e.seq_id > p_after AND e.seq_id <= p_up_to ORDER BY e.seq_id LIMIT 1
$$;
CREATE FUNCTION bsp.last_sealable(p_after bigint, p_up_to bigint, p_before timestamptz) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
  SELECT e.seq_id FROM public.mt_events e WHERE e.seq_id > p_after AND e.seq_id <= p_up_to AND e.timestamp < p_before ORDER BY e.seq_id DESC LIMIT 1
$$;

-- What lies beyond the last seal: number, oldest time.
CREATE FUNCTION bsp.unsealed(p_after bigint, p_tenant text) RETURNS TABLE (events bigint, oldest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT count(*), min(e.timestamp) FROM public.mt_events e WHERE e.seq_id > p_after AND (p_tenant IS NULL OR e.tenant_id = p_tenant)
$$;

-- Heads of all organizations: names, numbers and hashes. p_day null: each tenant's last one.
CREATE FUNCTION bsp.read_seals(p_day date)
RETURNS TABLE (tenant_id varchar, day date, n bigint, events bigint, root bytea, previous bytea, acts bigint, acts_hash bytea, sealed_at timestamptz, head bytea, key_id text, signature bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT DISTINCT ON (s.tenant_id COLLATE "C") s.tenant_id, s.day, s.n, s.events, s.root, s.previous, s.acts, s.acts_hash, s.sealed_at, s.head, s.key_id, s.signature
    FROM bsp.log_seals s WHERE p_day IS NULL OR s.day = p_day ORDER BY s.tenant_id COLLATE "C", s.n DESC
$$;

REVOKE ALL ON FUNCTION bsp.read_sealable(bigint, bigint, text, int), bsp.first_sealable(bigint, bigint), bsp.last_sealable(bigint, bigint, timestamptz), bsp.unsealed(bigint, text), bsp.read_seals(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.read_sealable(bigint, bigint, text, int), bsp.first_sealable(bigint, bigint), bsp.last_sealable(bigint, bigint, timestamptz), bsp.unsealed(bigint, text), bsp.read_seals(date) TO bsp_app;
