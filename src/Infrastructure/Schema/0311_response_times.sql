-- How fast people answer: a row an answer or resolution, and the clock of each conversation, from which the next row is told. docs/decisions/0313.
SET ROLE bsp_owner;

CREATE TABLE bsp.response_clocks (
  conversation_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  account_id uuid NOT NULL,
  episode int NOT NULL,             -- from 1; 0: the customer has not written yet
  started_at timestamptz,           -- the episode's first message
  answered boolean NOT NULL,        -- by a person, in this episode
  resolved boolean NOT NULL,
  waiting_since timestamptz,        -- the customer's first message that no person answered; null: nobody waits
  assigned_to uuid,
  team_id uuid
);
CREATE INDEX response_clocks_waiting ON bsp.response_clocks (organization_id, waiting_since) WHERE waiting_since IS NOT NULL;

CREATE TABLE bsp.response_times (
  organization_id uuid NOT NULL,
  position bigint NOT NULL,         -- of the answer in the log, packed
  kind text NOT NULL,               -- first, next, resolution
  conversation_id uuid NOT NULL,
  account_id uuid NOT NULL,
  episode int NOT NULL,
  user_id uuid,                     -- null: a key or the phone answered; of a resolution who had it
  by text,                          -- the user's id, the key's prefix, or phone
  team_id uuid,
  from_at timestamptz NOT NULL,
  at timestamptz NOT NULL,
  seconds bigint NOT NULL,
  business_seconds bigint NOT NULL, -- within the organization's business hours as they were when this was written; without any: seconds
  PRIMARY KEY (organization_id, position, kind)
);
CREATE INDEX response_times_at ON bsp.response_times (organization_id, at) INCLUDE (kind, user_id, by, team_id, account_id, seconds, business_seconds);

CREATE TABLE bsp.response_clocks_next (LIKE bsp.response_clocks INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES);
CREATE TABLE bsp.response_times_next (LIKE bsp.response_times INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES);
SELECT bsp.secure_by_tenant('bsp.response_clocks');
SELECT bsp.secure_by_tenant('bsp.response_clocks_next');
SELECT bsp.secure_by_tenant('bsp.response_times');
SELECT bsp.secure_by_tenant('bsp.response_times_next');
GRANT TRUNCATE ON bsp.response_clocks_next, bsp.response_times_next TO bsp_app;
