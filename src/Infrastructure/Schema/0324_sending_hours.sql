-- Quiet hours, allowed days, and times that each recipient's own clock shows. docs/decisions/0324
SET ROLE bsp_owner;

ALTER TABLE campaigns
  ADD COLUMN hours jsonb,            -- own: since its launch: when it may send, and the zone of whom nobody knows; null: at any time
  ADD COLUMN local_time text;        -- own: what the recipients' own clocks show when they are sent to

-- Members of a frozen audience by their zone, each with a cursor of its own. campaign_dispatch.next_ordinal counts those decided.
CREATE TABLE bsp.campaign_waves (
  campaign_id uuid NOT NULL,
  wave int NOT NULL,
  organization_id uuid NOT NULL,
  zone text NOT NULL,
  first_ordinal int NOT NULL,
  next_ordinal int NOT NULL,
  last_ordinal int NOT NULL,
  due_at timestamptz,                -- not before; null: no matter
  opens_at timestamptz,              -- as of the last look: when it goes on
  PRIMARY KEY (campaign_id, wave)
);
SELECT bsp.secure_by_tenant('bsp.campaign_waves');
