-- Bad rows of imports are people's data: found by organization when somebody is erased, and not kept for ever.
SET ROLE bsp_owner;

CREATE INDEX import_rejects_organization ON bsp.import_rejects (organization_id, import_id, row);

ALTER TABLE bsp.imports ADD COLUMN rejects_kept boolean NOT NULL DEFAULT true; -- false: past their time, only their number is known
CREATE INDEX imports_rejects_kept ON bsp.imports (updated_at) WHERE rejects_kept AND status IN ('completed', 'failed');

-- Of the oldest import that ended before: a page of its bad rows, and of what a failed one left in staging; when none is left, it is marked. 0: there is no such import.
CREATE FUNCTION bsp.sweep_imports(p_before timestamptz, p_limit int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE import uuid; gone int; left_over int;
BEGIN
  SELECT i.id INTO import FROM bsp.imports i WHERE i.rejects_kept AND i.status IN ('completed', 'failed') AND i.updated_at < p_before ORDER BY i.updated_at LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF import IS NULL THEN
    RETURN 0;
  END IF;
  DELETE FROM bsp.import_rejects r WHERE r.import_id = import AND r.row IN (SELECT o.row FROM bsp.import_rejects o WHERE o.import_id = import ORDER BY o.row LIMIT p_limit);
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM bsp.import_rows_staged r WHERE r.import_id = import AND r.row IN (SELECT o.row FROM bsp.import_rows_staged o WHERE o.import_id = import ORDER BY o.row LIMIT p_limit);
  GET DIAGNOSTICS left_over = ROW_COUNT;
  IF gone < p_limit AND left_over < p_limit THEN
    UPDATE bsp.imports i SET rejects_kept = false WHERE i.id = import;
  END IF;
  RETURN gone + left_over + 1;
END $$;
REVOKE EXECUTE ON FUNCTION bsp.sweep_imports(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.sweep_imports(timestamptz, int) TO bsp_app;
