-- Signing in with a browser and with a second factor: docs/decisions/0360, 0361. Directory database.
SET ROLE bsp_owner;

ALTER TABLE bsp.directory_sessions
  ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),      -- names it to its person, who may end it
  ADD COLUMN kind text NOT NULL DEFAULT 'token' CHECK (kind IN ('token', 'cookie')),
  ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT now(), -- of a cookie: to the hour
  ADD COLUMN ends_at timestamptz,                             -- of a cookie: beyond this it is not renewed
  ADD COLUMN address text,
  ADD COLUMN user_agent text;
CREATE UNIQUE INDEX directory_sessions_id ON bsp.directory_sessions (id);

-- Who must have a second factor: these roles of the organization.
ALTER TABLE bsp.directory_organizations ADD COLUMN second_factor_roles text[] NOT NULL DEFAULT '{}';

CREATE TABLE bsp.directory_second_factors (
  user_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES bsp.directory_organizations (organization_id),
  secret text NOT NULL,                         -- sealed under the master key
  confirmed_at timestamptz,                     -- null: shown, and not in use before its first code
  last_step bigint NOT NULL DEFAULT 0,          -- of time: a code of this step or of one before is not taken again
  recovery_codes text[] NOT NULL DEFAULT '{}',  -- hex SHA-256 of those that still work; 80 random bits each
  failures int NOT NULL DEFAULT 0,              -- wrong codes since the last right one
  locked_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- The password was right, the second factor is still to come.
CREATE TABLE bsp.directory_challenges (
  token_hash text PRIMARY KEY,                  -- hex SHA-256
  organization_id uuid NOT NULL REFERENCES bsp.directory_organizations (organization_id),
  user_id uuid NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL
);
CREATE INDEX directory_challenges_user ON bsp.directory_challenges (user_id);
CREATE INDEX directory_challenges_end ON bsp.directory_challenges (expires_at);
