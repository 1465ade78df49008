-- Imports of contacts: one row a file, its rows staged as they were read, its bad rows kept with the reason.
SET ROLE bsp_owner;

CREATE TABLE bsp.imports (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  status text NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed')),
  columns text[] NOT NULL,          -- header of the file, in its order
  source text NOT NULL,             -- who says that these people agreed
  proof text,
  file_sha256 text NOT NULL,
  file_bytes bigint NOT NULL,
  total int NOT NULL,               -- rows in the file, without the header
  done int NOT NULL DEFAULT 0,      -- created + updated + duplicates + rejected
  created int NOT NULL DEFAULT 0,
  updated int NOT NULL DEFAULT 0,
  duplicates int NOT NULL DEFAULT 0, -- rows whose contact stood in the same file before
  rejected int NOT NULL DEFAULT 0,
  last_row int NOT NULL DEFAULT 0,  -- rows up to this one are done
  attempts int NOT NULL DEFAULT 0,  -- failures since the last page that went through
  error text,
  leased_by uuid,
  leased_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz
);
CREATE INDEX imports_organization ON bsp.imports (organization_id, id);
CREATE INDEX imports_open ON bsp.imports (created_at) WHERE status IN ('queued', 'running');
SELECT bsp.secure_by_tenant('bsp.imports');

-- COPY is not allowed into a table with row-level security. So the application may only add to this one, cannot name the organization (the default is
-- the transaction's), and reads and clears it through the view below.
CREATE TABLE bsp.import_rows_staged (
  import_id uuid NOT NULL,
  row int NOT NULL,                 -- from 1, without the header
  line int NOT NULL,                -- in the file, from 1
  fields text[] NOT NULL,
  fault text,                       -- why the row cannot even be read; null: it can
  organization_id uuid NOT NULL DEFAULT bsp.the_tenant(),
  PRIMARY KEY (import_id, row)
);
REVOKE ALL ON bsp.import_rows_staged FROM bsp_app;
GRANT INSERT (import_id, row, line, fields, fault) ON bsp.import_rows_staged TO bsp_app;

CREATE VIEW bsp.import_rows WITH (security_barrier) AS
  SELECT * FROM bsp.import_rows_staged WHERE organization_id = ANY ((SELECT bsp.tenants())::uuid[]);
REVOKE ALL ON bsp.import_rows FROM bsp_app;
GRANT SELECT, DELETE ON bsp.import_rows TO bsp_app;

CREATE TABLE bsp.import_rejects (
  import_id uuid NOT NULL REFERENCES bsp.imports (id) ON DELETE CASCADE,
  row int NOT NULL,
  line int NOT NULL,
  column_name text,                 -- null: the row as a whole
  reason text NOT NULL,
  fields jsonb NOT NULL,            -- the row as it was read
  organization_id uuid NOT NULL,
  PRIMARY KEY (import_id, row)
);
SELECT bsp.secure_by_tenant('bsp.import_rejects');

-- Gives one import to a worker: the oldest that nobody holds. The worker does not know the organization before; it learns it here and works under its row-level security.
CREATE FUNCTION bsp.lease_import(owner uuid, seconds int) RETURNS TABLE (organization_id uuid, id uuid) LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  UPDATE bsp.imports i SET status = 'running', leased_by = owner, leased_until = now() + make_interval(secs => seconds), updated_at = now()
  WHERE i.id = (SELECT o.id FROM bsp.imports o WHERE o.status IN ('queued', 'running') AND (o.leased_until IS NULL OR o.leased_until < now())
                ORDER BY o.created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING i.organization_id, i.id
$$;
