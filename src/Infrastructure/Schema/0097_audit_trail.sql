-- Administrative acts, newest first: inline view of the audit streams. All zeros: the platform's own acts (plans, sign-ins of nobody), in the directory database.
SET ROLE bsp_owner;

CREATE TABLE bsp.audit_trail (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,                 -- of the event: UUIDv7, so in the order of time
  at timestamptz NOT NULL,
  act text NOT NULL,
  actor text NOT NULL,              -- key prefix, user id, platform, anonymous
  address text,
  target_type text NOT NULL,
  target_id uuid,
  changed text[],
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX audit_trail_actor ON bsp.audit_trail (organization_id, actor, id);
CREATE INDEX audit_trail_act ON bsp.audit_trail (organization_id, act, id);
SELECT bsp.secure_by_tenant('bsp.audit_trail');
