-- What is final ends with an event that is committed. A number that was drawn is not yet safe: when PostgreSQL is killed before the log of that is written, the sequence goes back and gives the number out
-- again, and a reader who had passed it never sees what then carries it (./bench chaos-events --seed 7; docs/decisions/0122).
-- Whoever can see an event knows that everything logged before its commit is on disk, the drawing of all numbers up to its own included.
SET ROLE bsp_owner;

CREATE FUNCTION bsp.last_event(p_up_to bigint) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce((SELECT e.seq_id FROM public.mt_events e WHERE e.seq_id <= p_up_to ORDER BY e.seq_id DESC LIMIT 1), 0)
$$;
REVOKE EXECUTE ON FUNCTION bsp.last_event(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.last_event(bigint) TO bsp_app;

-- As in 0021, but for the last line.
CREATE OR REPLACE FUNCTION bsp.fence() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  drawn bigint;
  open_from bigint;
BEGIN
  SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO drawn FROM public.mt_events_sequence;
  SELECT min(((l.classid::bigint & 65535) << 32) | l.objid::bigint) INTO open_from
    FROM pg_locks l
   WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.classid::bigint >> 16 = 16979 AND l.granted
     AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
  RETURN bsp.last_event(least(drawn, open_from - 1));
END $$;
