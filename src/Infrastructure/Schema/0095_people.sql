-- People: how they are found by e-mail, their sessions, invitations and resets. Directory database; the rows of people themselves are in users, in the shard.
SET ROLE bsp_owner;

ALTER TABLE bsp.directory_emails ADD COLUMN role text NOT NULL DEFAULT 'viewer', ADD COLUMN status text NOT NULL DEFAULT 'active';
CREATE UNIQUE INDEX directory_emails_user ON bsp.directory_emails (user_id);

-- The truth of who is signed in; Redis holds the specification's copy (session:{token}).
CREATE TABLE bsp.directory_sessions (
  token_hash text PRIMARY KEY,      -- hex SHA-256 of the token, which is stored nowhere
  organization_id uuid NOT NULL REFERENCES bsp.directory_organizations (organization_id),
  user_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX directory_sessions_user ON bsp.directory_sessions (user_id);
CREATE INDEX directory_sessions_end ON bsp.directory_sessions (expires_at);

-- Invitations and password resets: at most one open of a kind for a person.
CREATE TABLE bsp.directory_tokens (
  token_hash text PRIMARY KEY,      -- hex SHA-256
  kind text NOT NULL CHECK (kind IN ('invitation', 'reset')),
  organization_id uuid NOT NULL REFERENCES bsp.directory_organizations (organization_id),
  user_id uuid NOT NULL,            -- whom it resets, or whom accepting makes
  email text NOT NULL,              -- lower case
  role text NOT NULL,
  first_name text,
  last_name text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  UNIQUE (kind, organization_id, email)
);
CREATE INDEX directory_tokens_user ON bsp.directory_tokens (user_id);
CREATE INDEX directory_tokens_end ON bsp.directory_tokens (expires_at);

-- Attempts to sign in, counted in windows. A subject is the SHA-256 of what is counted (account, address, both): short, and no e-mail stands here.
CREATE TABLE bsp.login_attempts (
  subject text PRIMARY KEY,
  attempts int NOT NULL,
  until timestamptz NOT NULL        -- end of the window; of 'known' subjects: how long the address counts as the account's own
) WITH (fillfactor = 50);
CREATE INDEX login_attempts_end ON bsp.login_attempts (until);
