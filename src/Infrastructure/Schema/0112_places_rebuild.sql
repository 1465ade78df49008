-- The places of the log (0075) are rebuilt beside those that serve, as every view is (docs/decisions/0085).
SET ROLE bsp_owner;

CREATE TABLE bsp.log_places_next (LIKE bsp.log_places INCLUDING ALL);
SELECT bsp.secure_by_tenant('bsp.log_places_next');

-- Where what occurs, of the events after p_after up to p_up_to: what both are filled with.
CREATE FUNCTION bsp.places_of(p_after bigint, p_up_to bigint) RETURNS TABLE (organization_id uuid, key bigint, block bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT DISTINCT e.tenant_id::uuid, hashtextextended(k.key, 0), e.seq_id >> 8
    FROM public.mt_events e
   CROSS JOIN LATERAL unnest(ARRAY['', 't:' || e.type, 'c:' || e.correlation_id, 'k:' || e.causation_id]) AS k (key)
   WHERE e.seq_id > p_after AND e.seq_id <= p_up_to AND e.type <> 'tombstone' AND e.tenant_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' AND k.key IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION bsp.note_places(p_after bigint, p_up_to bigint) RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
  'INSERT INTO bsp.log_places SELECT p.organization_id, p.key, p.block FROM bsp.places_of(p_after, p_up_to) p ON CONFLICT DO NOTHING';

CREATE FUNCTION bsp.note_places_next(p_after bigint, p_up_to bigint) RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
  'INSERT INTO bsp.log_places_next SELECT p.organization_id, p.key, p.block FROM bsp.places_of(p_after, p_up_to) p ON CONFLICT DO NOTHING';

DROP FUNCTION bsp.forget_places();
CREATE FUNCTION bsp.forget_places_next() RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'TRUNCATE bsp.log_places_next';

-- Only what differs is written.
CREATE FUNCTION bsp.swap_places() RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM bsp.log_places p WHERE NOT EXISTS (SELECT FROM bsp.log_places_next n WHERE (n.organization_id, n.key, n.block) = (p.organization_id, p.key, p.block));
  INSERT INTO bsp.log_places SELECT * FROM bsp.log_places_next ON CONFLICT DO NOTHING;
  TRUNCATE bsp.log_places_next;
$$;

REVOKE EXECUTE ON FUNCTION bsp.places_of(bigint, bigint), bsp.note_places_next(bigint, bigint), bsp.forget_places_next(), bsp.swap_places() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.note_places_next(bigint, bigint), bsp.forget_places_next(), bsp.swap_places() TO bsp_app;
