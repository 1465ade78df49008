-- Messages' documents that are too old are found by (status, created_at), one status after the other. BRIN looks at every page that is not
-- summarized yet: in a table that nobody has vacuumed, at all of them, each hour.
SET ROLE bsp_owner;

CREATE OR REPLACE FUNCTION documents.sweep_messages(p_before timestamptz, p_limit int) RETURNS int
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
  WITH RECURSIVE statuses AS (
    (SELECT m.status FROM documents.messages m ORDER BY m.status LIMIT 1)
    UNION ALL
    SELECT (SELECT m.status FROM documents.messages m WHERE m.status > s.status ORDER BY m.status LIMIT 1)
      FROM statuses s WHERE s.status IS NOT NULL
  ), old AS (
    SELECT o._id FROM statuses s CROSS JOIN LATERAL (
      SELECT m._id FROM documents.messages m WHERE m.status = s.status AND m.created_at < p_before
       ORDER BY m.created_at LIMIT p_limit FOR UPDATE SKIP LOCKED) o
     LIMIT p_limit
  ), gone AS (DELETE FROM documents.messages d WHERE d._id = ANY (ARRAY(SELECT o._id FROM old o)) RETURNING 1)
  SELECT count(*)::int FROM gone
$$;
