-- States of long streams, so that loading one reads its end only. A cache: every row may be deleted at any time, and none is believed (EventStore/Snapshots.cs;
-- docs/decisions/0076).
SET ROLE bsp_owner;

CREATE TABLE bsp.snapshots (
  organization_id uuid NOT NULL,
  stream_id uuid NOT NULL,
  version bigint NOT NULL,      -- of the stream, up to which the state is folded
  event_id uuid NOT NULL,       -- of the event at that version: a log that was restored and went on differently does not match
  schema text NOT NULL,         -- fingerprint of the state's type and of the code that folds it
  state jsonb NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, stream_id)
) WITH (fillfactor = 50);
SELECT bsp.secure_by_tenant('bsp.snapshots');
