-- Runs in every database (directory and shards alike) as a role that may create roles.
-- bsp_owner owns everything and migrates; bsp_app works and is subject to row-level security.
-- Roles belong to the server: another database of it may be migrated at this moment.
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bsp_owner') THEN CREATE ROLE bsp_owner NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bsp_app') THEN CREATE ROLE bsp_app LOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

CREATE SCHEMA IF NOT EXISTS bsp AUTHORIZATION bsp_owner;
ALTER SCHEMA bsp OWNER TO bsp_owner;      -- the migrator has made it already, as itself
GRANT ALL ON SCHEMA public TO bsp_owner;
GRANT USAGE ON SCHEMA public, bsp TO bsp_app;
ALTER DEFAULT PRIVILEGES FOR ROLE bsp_owner IN SCHEMA public, bsp GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO bsp_app;
ALTER DEFAULT PRIVILEGES FOR ROLE bsp_owner IN SCHEMA public, bsp GRANT USAGE, SELECT ON SEQUENCES TO bsp_app;
ALTER DEFAULT PRIVILEGES FOR ROLE bsp_owner IN SCHEMA public, bsp GRANT EXECUTE ON FUNCTIONS TO bsp_app;

SET ROLE bsp_owner;

-- The organizations this transaction may see: one for a request, the batch's for the append writer. Empty or unset: none.
CREATE FUNCTION bsp.tenants() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT string_to_array(nullif(current_setting('bsp.tenants', true), ''), ',')::uuid[] $$;

-- The same as text, for Marten's tenant_id columns.
CREATE FUNCTION bsp.tenant_ids() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT string_to_array(nullif(current_setting('bsp.tenants', true), ''), ',') $$;

-- Puts row-level security on a table with an organization_id column.
CREATE FUNCTION bsp.secure_by_tenant(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY tenant ON %s USING (organization_id = ANY ((SELECT bsp.tenants())::uuid[]))', target);
END $$;
