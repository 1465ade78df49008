-- What must be found before the organization is known, or is unique everywhere. Used in the directory database only; no row-level security:
-- nothing here is personal or secret, and the organization is what is being looked up.
SET ROLE bsp_owner;

CREATE TABLE bsp.directory_organizations (
  organization_id uuid PRIMARY KEY,
  slug text NOT NULL UNIQUE,
  shard text NOT NULL,              -- chosen once from the slug's first letter (A-M, N-Z, 0-9), stored, never recomputed
  epoch int NOT NULL DEFAULT 1,     -- grows when the organization moves
  status text NOT NULL DEFAULT 'active',
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE bsp.directory_emails (
  email text PRIMARY KEY,           -- lower case
  organization_id uuid NOT NULL REFERENCES bsp.directory_organizations (organization_id),
  user_id uuid NOT NULL
);

CREATE TABLE bsp.directory_keys (
  key_hash text PRIMARY KEY,        -- hex SHA-256 of the whole key
  organization_id uuid NOT NULL REFERENCES bsp.directory_organizations (organization_id),
  key_id uuid NOT NULL UNIQUE,
  permissions text NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz,
  prefix text NOT NULL
);

CREATE TABLE bsp.directory_numbers (
  phone_number_id text PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES bsp.directory_organizations (organization_id),
  account_id uuid NOT NULL,
  display_digits text NOT NULL,     -- the number's digits: some webhooks name nothing else
  waba_id text NOT NULL
);
CREATE INDEX directory_numbers_waba ON bsp.directory_numbers (waba_id);
CREATE INDEX directory_numbers_digits ON bsp.directory_numbers (display_digits);
