-- Organizations move from shard to shard; docs/decisions/0351. bsp.moves is used in the directory, the rest in shards.
DO $$ BEGIN
  IF NOT has_parameter_privilege('bsp_owner', 'session_replication_role', 'SET') THEN
    EXECUTE 'GRANT SET ON PARAMETER session_replication_role TO bsp_owner';
  END IF;
EXCEPTION
  WHEN insufficient_privilege THEN RAISE NOTICE 'bsp_owner may not set session_replication_role: organizations cannot be moved from or to this database until a superuser does GRANT SET ON PARAMETER session_replication_role TO bsp_owner';
  WHEN internal_error OR unique_violation THEN NULL; -- the grant belongs to the server: another of its databases, migrated at this moment, has made it
END $$;

SET ROLE bsp_owner;

CREATE TABLE bsp.moves (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  source text NOT NULL,
  target text NOT NULL,
  state text NOT NULL CHECK (state IN ('planned', 'copying', 'following', 'frozen', 'proven', 'switched', 'living', 'dropped', 'cancelled')),
  epoch int NOT NULL,                    -- of the organization before; the switch is the update that finds it
  events bigint NOT NULL DEFAULT 0,      -- at the target
  events_total bigint NOT NULL DEFAULT 0,
  rows bigint NOT NULL DEFAULT 0,
  refused_ms int,                        -- how long commands were refused; null: not yet
  freezes int NOT NULL DEFAULT 0,        -- attempts, those that were given up included
  hash bytea,                            -- running hash of the log, equal on both sides
  checks jsonb,                          -- table -> rows, equal on both sides
  error text CHECK (length(error) <= 500),
  cancel boolean NOT NULL DEFAULT false,
  asked_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  switched_at timestamptz,
  due_at timestamptz NOT NULL,
  leased_by uuid,
  leased_until timestamptz
);
-- One at a time; what is left to be dropped at the former shard hinders nobody.
CREATE UNIQUE INDEX moves_running ON bsp.moves (organization_id) WHERE state NOT IN ('living', 'dropped', 'cancelled');
CREATE INDEX moves_due ON bsp.moves (due_at) WHERE state NOT IN ('dropped', 'cancelled');
CREATE INDEX moves_of ON bsp.moves (organization_id, asked_at DESC);
SELECT bsp.secure_by_tenant('bsp.moves');
CREATE POLICY platform ON bsp.moves USING (current_setting('bsp.platform', true) = 'on');
REVOKE DELETE ON bsp.moves FROM bsp_app;

-- What this shard knows of moves. leaving: watched, closing (no new events but those that answer others), frozen (nothing), gone.
-- arriving: nothing but the move writes; here: it lives here, and numbers below range_from are of earlier shards.
CREATE TABLE bsp.moves_here (
  organization_id uuid PRIMARY KEY,
  role text NOT NULL CHECK (role IN ('leaving', 'arriving')),
  state text NOT NULL CHECK (state IN ('watched', 'closing', 'frozen', 'gone', 'arriving', 'here')),
  move_id uuid NOT NULL,
  range_from bigint NOT NULL DEFAULT 0,  -- arriving: numbers for its events, reserved
  range_to bigint NOT NULL DEFAULT 0,
  here_at timestamptz,
  dropped_at timestamptz
);
SELECT bsp.secure_by_tenant('bsp.moves_here');

-- Rows that were changed at the source since they were copied.
CREATE TABLE bsp.move_changes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id uuid NOT NULL,
  rel text NOT NULL,
  key jsonb NOT NULL,
  delta int NOT NULL
);
CREATE INDEX move_changes_of ON bsp.move_changes (organization_id, rel, id);
SELECT bsp.secure_by_tenant('bsp.move_changes');

-- At the target: tables that were copied, with the rows that the source had by its own count and those that were written here.
CREATE TABLE bsp.move_tables (
  organization_id uuid NOT NULL,
  rel text NOT NULL,
  source_rows bigint NOT NULL,
  target_rows bigint NOT NULL,
  PRIMARY KEY (organization_id, rel)
);
SELECT bsp.secure_by_tenant('bsp.move_tables');

-- Numbers that are drawn anew where rows have numbers of their table's own: the source's, and the target's.
CREATE TABLE bsp.move_ids (
  organization_id uuid NOT NULL,
  rel text NOT NULL,
  source_id bigint NOT NULL,
  target_id bigint NOT NULL,
  PRIMARY KEY (organization_id, rel, source_id)
);
SELECT bsp.secure_by_tenant('bsp.move_ids');

-- Numbers of the log before and after: the k-th of old has new_from + k - 1. Kept for ever, for positions and cursors that somebody still has.
CREATE TABLE bsp.moved_pages (
  organization_id uuid NOT NULL,
  life int NOT NULL,                     -- the organization's epoch at the shard that old is of
  old_from bigint NOT NULL,
  old_to bigint NOT NULL,
  new_from bigint NOT NULL,
  old bigint[] NOT NULL,
  hash bytea NOT NULL,                   -- of all events up to here, read at the source; read here again, it is the same
  PRIMARY KEY (organization_id, life, old_from)
);
SELECT bsp.secure_by_tenant('bsp.moved_pages');

-- Sealed here, dropped since: up to this number the organization's events lie at another shard.
CREATE TABLE bsp.moved_numbers_left (
  organization_id uuid PRIMARY KEY,
  up_to bigint NOT NULL
);
SELECT bsp.secure_by_tenant('bsp.moved_numbers_left');

-- The signed days of earlier shards under which the organization's heads lie.
CREATE TABLE bsp.ledger_days_before (
  organization_id uuid NOT NULL,
  day date NOT NULL,
  n bigint NOT NULL,
  heads bigint NOT NULL,
  root bytea NOT NULL,
  previous bytea NOT NULL,
  made_at timestamptz NOT NULL,
  message text NOT NULL,
  key_id text NOT NULL,
  signature bytea NOT NULL,
  PRIMARY KEY (organization_id, day)
);
SELECT bsp.secure_by_tenant('bsp.ledger_days_before');

REVOKE ALL ON bsp.ledger_days_before, bsp.moved_numbers_left, bsp.moves_here, bsp.move_changes, bsp.move_tables, bsp.move_ids, bsp.moved_pages FROM bsp_app;
GRANT SELECT ON bsp.ledger_days_before, bsp.moved_numbers_left, bsp.moves_here, bsp.move_changes, bsp.move_tables, bsp.move_ids, bsp.moved_pages TO bsp_app;

-- The session is the move's own, and may be: anybody can write the setting, only the owner's people are believed.
CREATE FUNCTION bsp.is_mover() RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(current_setting('bsp.mover', true), '') = 'on' AND pg_has_role(session_user, 'bsp_owner', 'MEMBER')
$$;

-- Fires for the rows of an organization that leaves: notes what changed, or refuses. First argument: the organization; then the key's columns.
-- Whoever writes holds a lock until the commit, so that whoever freezes knows that nobody is half-way.
CREATE FUNCTION bsp.on_leaving() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  org uuid := TG_ARGV[0]::uuid;
  now_state text;
  rel text := format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME);
  was jsonb; is_now jsonb; own jsonb; before jsonb;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(1299150437, hashtext(TG_ARGV[0]));
  SELECT m.state INTO now_state FROM bsp.moves_here m WHERE m.organization_id = org AND m.role = 'leaving';
  IF now_state IS NULL OR bsp.is_mover() THEN RETURN NULL; END IF;
  IF now_state IN ('frozen', 'gone')
     OR (now_state = 'closing' AND rel = 'public.mt_events' AND TG_OP = 'INSERT' AND coalesce(current_setting('bsp.follows', true), '') <> 'on') THEN
    RAISE EXCEPTION 'organization % is moving to another shard: try again', org USING ERRCODE = 'BM001';
  END IF;
  IF TG_NARGS = 1 OR (rel = 'public.mt_events' AND TG_OP = 'INSERT') THEN RETURN NULL; END IF; -- copied at the end; read by its numbers
  SELECT i.inhparent::regclass::text INTO rel FROM pg_inherits i WHERE i.inhrelid = TG_RELID;
  rel := CASE WHEN rel IS NULL THEN format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME) WHEN rel LIKE '%.%' THEN rel ELSE 'public.' || rel END;
  is_now := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  was := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  SELECT jsonb_object_agg(a, is_now -> a), jsonb_object_agg(a, was -> a) INTO own, before FROM unnest(TG_ARGV[1:]) AS a;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO bsp.move_changes (organization_id, rel, key, delta) VALUES (org, rel, own, CASE TG_OP WHEN 'INSERT' THEN 1 ELSE 0 END);
  END IF;
  IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND before IS DISTINCT FROM own) THEN
    INSERT INTO bsp.move_changes (organization_id, rel, key, delta) VALUES (org, rel, before, CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 0 END);
  END IF;
  RETURN NULL;
END $$;

-- Fires for the rows of an organization that arrives: nobody but the move touches them. Claims of background work find none.
CREATE FUNCTION bsp.on_arriving() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF bsp.is_mover() OR NOT EXISTS (SELECT FROM bsp.moves_here m WHERE m.organization_id = TG_ARGV[0]::uuid AND m.state = 'arriving') THEN
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
  END IF;
  IF TG_OP = 'INSERT' THEN
    RAISE EXCEPTION 'organization % is moving to this shard: try again', TG_ARGV[0] USING ERRCODE = 'BM001';
  END IF;
  RETURN NULL;
END $$;

-- The number here of an event's number at an earlier shard; what was never at one stays. Between two events: the one before.
CREATE FUNCTION bsp.moved_number(p_organization uuid, p_number bigint) RETURNS bigint LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE n bigint := p_number; each record; page record;
BEGIN
  FOR each IN SELECT p.life, min(p.new_from) AS first FROM bsp.moved_pages p WHERE p.organization_id = p_organization GROUP BY p.life ORDER BY p.life LOOP
    CONTINUE WHEN n >= each.first - 1;
    SELECT p.old, p.new_from INTO page FROM bsp.moved_pages p
     WHERE p.organization_id = p_organization AND p.life = each.life AND p.old_from <= n ORDER BY p.old_from DESC LIMIT 1;
    n := CASE WHEN page.old IS NULL THEN each.first - 1
              ELSE page.new_from - 1 + (SELECT count(*) FROM unnest(page.old) AS o WHERE o <= n) END;
  END LOOP;
  RETURN n;
END $$;

-- Where a page of an organization's log ends: so many blocks of 256 numbers that hold something of it, or a stretch that nobody has noted yet.
CREATE FUNCTION bsp.move_page(p_organization uuid, p_after bigint, p_final bigint, p_blocks int) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE noted bigint; last_block bigint; blocks int;
BEGIN
  noted := least(p_final, coalesce((SELECT p.sequence FROM bsp.projections p WHERE p.name = 'log_places.v1'), 0));
  IF p_after >= noted THEN RETURN least(p_final, p_after + 50000); END IF;
  SELECT max(b.block), count(*) INTO last_block, blocks FROM (
    SELECT p.block FROM bsp.log_places p WHERE p.organization_id = p_organization AND p.key = hashtextextended('', 0) AND p.block >= p_after >> 8
     ORDER BY p.block LIMIT p_blocks) b;
  RETURN CASE WHEN blocks = p_blocks THEN least(noted, (last_block << 8) + 255) ELSE noted END;
END $$;

-- Its events of that page, in their order.
CREATE FUNCTION bsp.move_events(p_organization uuid, p_after bigint, p_up_to bigint) RETURNS SETOF public.mt_events
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE noted bigint := coalesce((SELECT p.sequence FROM bsp.projections p WHERE p.name = 'log_places.v1'), 0); block bigint;
BEGIN
  FOR block IN SELECT p.block FROM bsp.log_places p WHERE p.organization_id = p_organization AND p.key = hashtextextended('', 0)
                  AND p.block >= p_after >> 8 AND p.block <= least(p_up_to, noted) >> 8 ORDER BY p.block LOOP
    RETURN QUERY SELECT e.* FROM public.mt_events e
      WHERE e.seq_id > greatest(p_after, (block << 8) - 1) AND e.seq_id <= least(p_up_to, noted, (block << 8) + 255)
        AND e.tenant_id = p_organization::text ORDER BY e.seq_id;
  END LOOP;
  IF p_up_to > noted THEN
    RETURN QUERY SELECT e.* FROM public.mt_events e
      WHERE e.seq_id > greatest(p_after, noted) AND e.seq_id <= p_up_to AND e.tenant_id = p_organization::text ORDER BY e.seq_id;
  END IF;
END $$;

-- Up to here days may be sealed: below it no event will be put any more.
CREATE FUNCTION bsp.arriving_from() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT min(m.range_from) FROM bsp.moves_here m WHERE m.state = 'arriving'
$$;

-- Organizations whose events up to a number lie at another shard now, though they were sealed here.
CREATE FUNCTION bsp.moved_away() RETURNS TABLE (organization_id uuid, up_to bigint) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
  SELECT l.organization_id, l.up_to FROM bsp.moved_numbers_left l
$$;

-- Some organization is on its way from or to here: views are not built anew meanwhile.
CREATE FUNCTION bsp.is_moving() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM bsp.moves_here m WHERE m.state NOT IN ('gone', 'here'))
$$;

-- An act that is copied keeps its place and its hash.
CREATE OR REPLACE FUNCTION bsp.chain_act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE head bsp.audit_heads;
BEGIN
  IF bsp.is_mover() THEN RETURN NEW; END IF;
  IF EXISTS (SELECT FROM bsp.audit_trail t WHERE t.organization_id = NEW.organization_id AND t.id = NEW.id) THEN RETURN NULL; END IF; -- noted before
  INSERT INTO bsp.audit_heads AS h (organization_id, position, hash) VALUES (NEW.organization_id, 0, decode(repeat('00', 32), 'hex'))
    ON CONFLICT (organization_id) DO UPDATE SET position = h.position RETURNING * INTO head; -- locked until the commit
  NEW.position := head.position + 1;
  NEW.hash := bsp.act_hash(head.hash, NEW);
  UPDATE bsp.audit_heads h SET position = NEW.position, hash = NEW.hash WHERE h.organization_id = NEW.organization_id;
  RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION bsp.is_mover(), bsp.on_leaving(), bsp.on_arriving(), bsp.moved_number(uuid, bigint), bsp.arriving_from(),
  bsp.moved_away(), bsp.is_moving(), bsp.move_page(uuid, bigint, bigint, int), bsp.move_events(uuid, bigint, bigint) FROM PUBLIC, bsp_app;
GRANT EXECUTE ON FUNCTION bsp.moved_number(uuid, bigint), bsp.arriving_from(), bsp.moved_away(), bsp.is_moving() TO bsp_app;
