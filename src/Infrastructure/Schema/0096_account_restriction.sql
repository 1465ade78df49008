-- A key may be restricted to one WhatsApp account: its transactions then see nothing of the others. Behind the checks of the HTTP layer, as row-level security is behind WHERE.
SET ROLE bsp_owner;

ALTER TABLE api_keys ADD COLUMN account_id uuid REFERENCES whatsapp_accounts (id);    -- own: null: every account
ALTER TABLE bsp.directory_keys ADD COLUMN account_id uuid;

-- The account this transaction is restricted to; null: none.
CREATE FUNCTION bsp.account() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('bsp.account', true), '')::uuid $$;

CREATE POLICY account ON whatsapp_accounts AS RESTRICTIVE USING ((SELECT bsp.account()) IS NULL OR id = (SELECT bsp.account()));
CREATE POLICY account ON templates AS RESTRICTIVE USING ((SELECT bsp.account()) IS NULL OR account_id = (SELECT bsp.account()));
CREATE POLICY account ON campaigns AS RESTRICTIVE USING ((SELECT bsp.account()) IS NULL OR account_id = (SELECT bsp.account()));
