-- Which of a day's signed heads their organizations have been told of, in their log (ledger_head_signed) and so by their webhooks. A row is
-- written in the transaction of the fact: each is told once, whoever is killed when.
SET ROLE bsp_owner;

CREATE TABLE bsp.ledger_heads_told (
  organization_id uuid NOT NULL,
  day date NOT NULL,
  currency text NOT NULL,
  PRIMARY KEY (organization_id, day, currency)
);
SELECT bsp.secure_by_tenant('bsp.ledger_heads_told');
-- What was signed before this release is told of by GET /v1/ledger/heads.
INSERT INTO bsp.ledger_heads_told (organization_id, day, currency) SELECT h.organization_id, h.day, h.currency FROM bsp.ledger_day_heads h;

-- For the sweep, which works for every organization: heads of a day that nobody was told of.
CREATE FUNCTION bsp.ledger_heads_untold(p_day date, p_after_organization uuid, p_after_currency text, p_limit int)
RETURNS TABLE (organization_id uuid, currency text, message text, key_id text, signature bytea) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_sort = off AS $$
  SELECT h.organization_id, h.currency, h.message, h.key_id, h.signature FROM bsp.ledger_day_heads h
   WHERE h.day = p_day AND (h.organization_id, h.currency) > (p_after_organization, p_after_currency)
     AND NOT EXISTS (SELECT FROM bsp.ledger_heads_told t
                      WHERE t.organization_id = h.organization_id AND t.day = h.day AND t.currency = h.currency OFFSET 0)
   ORDER BY h.organization_id, h.currency LIMIT least(p_limit, 1000)
$$;
CREATE INDEX ledger_day_heads_day ON bsp.ledger_day_heads (day, organization_id, currency);
REVOKE ALL ON bsp.ledger_heads_told FROM bsp_app;
GRANT SELECT, INSERT ON bsp.ledger_heads_told TO bsp_app;
REVOKE ALL ON FUNCTION bsp.ledger_heads_untold(date, uuid, text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.ledger_heads_untold(date, uuid, text, int) TO bsp_app;
