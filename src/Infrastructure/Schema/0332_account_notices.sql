-- What Meta tells of accounts beside messages: kept as it came, without what names customers. docs/decisions/0332.
SET ROLE bsp_owner;

CREATE TABLE bsp.account_notices (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  waba_id text NOT NULL,
  account_id uuid,                        -- the number it is about; null: the WABA
  field text NOT NULL,
  event text,
  body jsonb NOT NULL,
  at timestamptz NOT NULL,
  key bytea NOT NULL                      -- the very same told again is one notice
);
CREATE UNIQUE INDEX account_notices_key ON bsp.account_notices (organization_id, key);
CREATE INDEX account_notices_waba ON bsp.account_notices (organization_id, waba_id, id);
CREATE INDEX account_notices_age ON bsp.account_notices USING brin (at);
SELECT bsp.secure_by_tenant('bsp.account_notices');
CREATE POLICY account ON bsp.account_notices AS RESTRICTIVE
  USING ((SELECT bsp.account()) IS NULL OR account_id IS NULL OR account_id = (SELECT bsp.account()));

CREATE FUNCTION bsp.sweep_account_notices(p_before timestamptz, p_limit int) RETURNS int
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  WITH old AS (SELECT id FROM bsp.account_notices WHERE at < p_before LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM bsp.account_notices n USING old WHERE n.id = old.id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;
REVOKE ALL ON FUNCTION bsp.sweep_account_notices(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.sweep_account_notices(timestamptz, int) TO bsp_app;
