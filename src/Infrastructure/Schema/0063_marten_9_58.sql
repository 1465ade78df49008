-- Columns that Marten has had since 9.58 (9.29, which 0020 was written from, drops or ignores them): without compacted_version it cannot read a stream, and
-- the others its schema check would add. Our statements name none of them. MartenTests opens the tables with the real one.
SET ROLE bsp_owner;

ALTER TABLE public.mt_streams ADD COLUMN compacted_version bigint NOT NULL DEFAULT 0;

ALTER TABLE public.mt_event_progression
  ADD COLUMN mode varchar NULL DEFAULT 'none',
  ADD COLUMN rebuild_threshold integer NULL DEFAULT 0,
  ADD COLUMN assigned_node integer NULL DEFAULT 0,
  ADD COLUMN heartbeat timestamptz NULL,
  ADD COLUMN agent_status varchar(20) NULL,
  ADD COLUMN pause_reason text NULL,
  ADD COLUMN running_on_node integer NULL,
  ADD COLUMN warning_behind_threshold bigint NULL,
  ADD COLUMN critical_behind_threshold bigint NULL,
  ADD COLUMN failure_category varchar(50) NULL,
  ADD COLUMN failure_event_sequence bigint NULL,
  ADD COLUMN failure_event_type varchar(500) NULL,
  ADD COLUMN failure_event_tenant_id varchar(500) NULL;
