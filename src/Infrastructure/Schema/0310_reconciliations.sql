-- What comparisons of the stores with the log came to, a row an organization and run; the last hundred are kept. docs/decisions/0310.
SET ROLE bsp_owner;

CREATE TABLE bsp.reconciliations (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  scope text NOT NULL CHECK (scope IN ('whole', 'moved')),
  status text NOT NULL CHECK (status IN ('equal', 'different')),
  first jsonb,                      -- the first difference; null: none
  rows jsonb NOT NULL,
  started_at timestamptz NOT NULL,
  completed_at timestamptz NOT NULL
);
CREATE INDEX reconciliations_organization ON bsp.reconciliations (organization_id, id DESC);
SELECT bsp.secure_by_tenant('bsp.reconciliations');
REVOKE UPDATE, TRUNCATE ON bsp.reconciliations FROM bsp_app;

-- Where the next look at what moved begins, and when everything was compared last: of a shard.
CREATE TABLE bsp.reconciled (
  name text PRIMARY KEY,            -- 'moved', 'whole'
  sequence bigint NOT NULL,
  at timestamptz NOT NULL,
  different int NOT NULL            -- organizations that differed
);
GRANT SELECT, INSERT, UPDATE ON bsp.reconciled TO bsp_app;
