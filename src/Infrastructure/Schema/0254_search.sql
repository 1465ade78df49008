-- The search index of the inbox: parts of folded words, hashed under a key of the organization's own. docs/decisions/0254.
SET ROLE bsp_owner;

CREATE TABLE bsp.search_keys (
  organization_id uuid PRIMARY KEY,
  wrapped_key bytea NOT NULL,
  master_key_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
SELECT bsp.secure_by_tenant('bsp.search_keys');
REVOKE ALL ON bsp.search_keys FROM bsp_app;
GRANT SELECT, INSERT ON bsp.search_keys TO bsp_app;
GRANT UPDATE (wrapped_key, master_key_id) ON bsp.search_keys TO bsp_app;

CREATE TABLE bsp.message_search (
  message_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  account_id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  at bigint NOT NULL,                     -- place in the log, packed: newest first
  written_at timestamptz NOT NULL,
  key bigint NOT NULL,                    -- of the message (or of the one that it edits): what an edit or a revocation takes away; 0: ours
  tokens int[] NOT NULL
);
CREATE INDEX message_search_newest ON bsp.message_search (organization_id, at DESC);
CREATE INDEX message_search_conversation ON bsp.message_search (conversation_id, at DESC);
CREATE INDEX message_search_contact ON bsp.message_search (contact_id);
CREATE INDEX message_search_age ON bsp.message_search USING brin (written_at);
CREATE INDEX message_search_tokens ON bsp.message_search USING gin (tokens) WITH (fastupdate = on, gin_pending_list_limit = 16384);

CREATE TABLE bsp.conversation_search (
  conversation_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  account_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  named boolean NOT NULL,                 -- the customer's name is among the tokens, not the number alone
  tokens int[] NOT NULL
);
CREATE INDEX conversation_search_contact ON bsp.conversation_search (contact_id);
CREATE INDEX conversation_search_tokens ON bsp.conversation_search USING gin (tokens) WITH (fastupdate = on, gin_pending_list_limit = 4096);

CREATE TABLE bsp.message_search_next (LIKE bsp.message_search INCLUDING ALL);
CREATE TABLE bsp.conversation_search_next (LIKE bsp.conversation_search INCLUDING ALL);
SELECT bsp.secure_by_tenant('bsp.message_search');
SELECT bsp.secure_by_tenant('bsp.message_search_next');
SELECT bsp.secure_by_tenant('bsp.conversation_search');
SELECT bsp.secure_by_tenant('bsp.conversation_search_next');
GRANT TRUNCATE ON bsp.message_search, bsp.message_search_next, bsp.conversation_search, bsp.conversation_search_next TO bsp_app;

-- A rebuild's end, in the caller's transaction: the tables change names, and their indexes with them. Readers wait for that moment; behind a long reader we give up and are called again.
CREATE FUNCTION bsp.swap_search() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  t text;
  own text[];
  other text[];
BEGIN
  FOREACH t IN ARRAY ARRAY['message_search', 'conversation_search'] LOOP
    EXECUTE format('LOCK TABLE bsp.%I, bsp.%I IN ACCESS EXCLUSIVE MODE', t, t || '_next');
    SELECT array_agg(a.relname::text ORDER BY a.relname), array_agg(b.relname::text ORDER BY a.relname) INTO own, other
      FROM pg_index i JOIN pg_class a ON a.oid = i.indexrelid
      JOIN pg_index j ON j.indrelid = format('bsp.%I', t || '_next')::regclass AND j.indkey::text = i.indkey::text AND j.indisprimary = i.indisprimary
      JOIN pg_class b ON b.oid = j.indexrelid AND b.relam = a.relam
     WHERE i.indrelid = format('bsp.%I', t)::regclass;
    EXECUTE format('ALTER TABLE bsp.%I RENAME TO %I', t, t || '_swap');
    EXECUTE format('ALTER TABLE bsp.%I RENAME TO %I', t || '_next', t);
    EXECUTE format('ALTER TABLE bsp.%I RENAME TO %I', t || '_swap', t || '_next');
    FOR n IN 1 .. cardinality(own) LOOP
      EXECUTE format('ALTER INDEX bsp.%I RENAME TO %I', own[n], own[n] || '_swap');
      EXECUTE format('ALTER INDEX bsp.%I RENAME TO %I', other[n], own[n]);
      EXECUTE format('ALTER INDEX bsp.%I RENAME TO %I', own[n] || '_swap', other[n]);
    END LOOP;
  END LOOP;
END $$;

-- @> is not leak-proof, so under row-level security it may not use an index. These run as the owner and name the organization themselves, and the account that the caller's key is restricted to.
-- First the newest messages one by one: what is asked for is mostly young, and "the" is in all of them. Then the index. Each behind a fence, or the planner takes the one for the other.
CREATE FUNCTION bsp.search_messages(p_tokens int[], p_before bigint, p_limit int) RETURNS TABLE (message_id uuid, conversation_id uuid, at bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
  newest_max CONSTANT int := 3000;
  tenant uuid := bsp.the_tenant();
  account uuid := bsp.account();
  found_rows int;
  oldest bigint;
BEGIN
  RETURN QUERY SELECT n.message_id, n.conversation_id, n.at FROM (
      SELECT s.message_id, s.conversation_id, s.at, s.account_id, s.tokens FROM bsp.message_search s WHERE s.organization_id = tenant AND s.at < p_before ORDER BY s.at DESC LIMIT newest_max) n
    WHERE n.tokens @> p_tokens AND (account IS NULL OR n.account_id = account) ORDER BY n.at DESC LIMIT p_limit;
  GET DIAGNOSTICS found_rows = ROW_COUNT;
  IF found_rows < p_limit THEN
    SELECT s.at INTO oldest FROM bsp.message_search s WHERE s.organization_id = tenant AND s.at < p_before ORDER BY s.at DESC OFFSET newest_max - 1 LIMIT 1;
    IF oldest IS NOT NULL THEN
      RETURN QUERY SELECT m.message_id, m.conversation_id, m.at FROM (
          SELECT s.message_id, s.conversation_id, s.at, s.organization_id, s.account_id FROM bsp.message_search s WHERE s.tokens @> p_tokens OFFSET 0) m
        WHERE m.organization_id = tenant AND m.at < oldest AND (account IS NULL OR m.account_id = account) ORDER BY m.at DESC LIMIT p_limit - found_rows;
    END IF;
  END IF;
END $$;

-- Newer ones of these conversations: whether they were found before.
CREATE FUNCTION bsp.search_newer(p_tokens int[], p_conversations uuid[], p_after bigint[], p_limit int) RETURNS TABLE (message_id uuid, conversation_id uuid, at bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
  SELECT n.message_id, n.conversation_id, n.at FROM unnest(p_conversations, p_after) AS q (conversation, after)
   CROSS JOIN LATERAL (SELECT s.message_id, s.conversation_id, s.at, s.tokens FROM bsp.message_search s
                        WHERE s.conversation_id = q.conversation AND s.at > q.after AND (s.organization_id = bsp.the_tenant()) IS TRUE ORDER BY s.at DESC LIMIT 500) n
   WHERE n.tokens @> p_tokens LIMIT p_limit
$$;

CREATE FUNCTION bsp.search_names(p_tokens int[], p_limit int) RETURNS TABLE (conversation_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
  SELECT m.conversation_id FROM (SELECT s.conversation_id, s.organization_id, s.account_id FROM bsp.conversation_search s WHERE s.tokens @> p_tokens OFFSET 0) m
   WHERE m.organization_id = bsp.the_tenant() AND (bsp.account() IS NULL OR m.account_id = bsp.account()) LIMIT p_limit
$$;

CREATE FUNCTION bsp.sweep_search(p_before timestamptz, p_limit int) RETURNS int LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH old AS (SELECT message_id FROM bsp.message_search WHERE written_at < p_before LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM bsp.message_search s USING old WHERE s.message_id = old.message_id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;

REVOKE ALL ON FUNCTION bsp.swap_search(), bsp.search_messages(int[], bigint, int), bsp.search_newer(int[], uuid[], bigint[], int), bsp.search_names(int[], int), bsp.sweep_search(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.swap_search(), bsp.search_messages(int[], bigint, int), bsp.search_newer(int[], uuid[], bigint[], int), bsp.search_names(int[], int), bsp.sweep_search(timestamptz, int) TO bsp_app;
