-- The log: exactly the tables of Marten 9 (conjoined tenancy, uuid streams, bigint, metadata columns on), so that a Marten 9 application opens this
-- database. Nothing of ours is added to them, neither column nor index: a Marten with AutoCreate would drop it again. Marten makes its own functions.
SET ROLE bsp_owner;

CREATE TABLE public.mt_streams (
  tenant_id varchar NOT NULL DEFAULT '*DEFAULT*',
  id uuid NOT NULL,
  type varchar NULL,
  version bigint NULL,
  timestamp timestamptz NOT NULL DEFAULT now(),
  created timestamptz NOT NULL DEFAULT now(),
  is_archived bool NULL DEFAULT FALSE,
  CONSTRAINT pkey_mt_streams_tenant_id_id PRIMARY KEY (tenant_id, id)
) WITH (fillfactor = 85);           -- version moves with every append: room for HOT updates

CREATE TABLE public.mt_events (
  seq_id bigint NOT NULL,
  id uuid NOT NULL,
  stream_id uuid NULL,
  version bigint NOT NULL,
  data jsonb NOT NULL,
  bdata bytea NULL,
  type varchar(500) NOT NULL,
  timestamp timestamptz NOT NULL DEFAULT now(),
  tenant_id varchar NULL DEFAULT '*DEFAULT*',
  mt_dotnet_type varchar NULL,
  correlation_id varchar NULL,
  causation_id varchar NULL,
  headers jsonb NULL,
  user_name varchar NULL,
  is_archived bool NULL DEFAULT FALSE,
  CONSTRAINT pkey_mt_events_seq_id PRIMARY KEY (seq_id)
);
ALTER TABLE public.mt_events ADD CONSTRAINT fkey_mt_events_stream_id_tenant_id FOREIGN KEY (tenant_id, stream_id) REFERENCES public.mt_streams (tenant_id, id);
CREATE UNIQUE INDEX pk_mt_events_stream_and_version ON public.mt_events USING btree (tenant_id, stream_id, version);
CREATE SEQUENCE public.mt_events_sequence;
ALTER SEQUENCE public.mt_events_sequence OWNED BY public.mt_events.seq_id;

CREATE TABLE public.mt_event_progression (
  name varchar NOT NULL,
  last_seq_id bigint NULL,
  last_updated timestamptz NULL DEFAULT transaction_timestamp(),
  CONSTRAINT pk_mt_event_progression PRIMARY KEY (name)
);

CREATE TABLE public.mt_high_water_skips (
  ending_sequence bigint NOT NULL,
  starting_sequence bigint NOT NULL,
  timestamp timestamptz NULL DEFAULT transaction_timestamp(),
  CONSTRAINT pkey_mt_high_water_skips_ending_sequence PRIMARY KEY (ending_sequence)
);

CREATE TABLE public.mt_doc_deadletterevent (
  id uuid NOT NULL,
  data jsonb NOT NULL,
  mt_last_modified timestamptz DEFAULT transaction_timestamp(),
  mt_version uuid NOT NULL DEFAULT (md5(random()::text || clock_timestamp()::text)::uuid),
  mt_dotnet_type varchar,
  CONSTRAINT pkey_mt_doc_deadletterevent_id PRIMARY KEY (id)
);

-- Not FORCEd: the owner (migrations, and the log reader below) sees all.
ALTER TABLE public.mt_streams ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.mt_streams USING (tenant_id = ANY ((SELECT bsp.tenant_ids())::text[]));
ALTER TABLE public.mt_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.mt_events USING (tenant_id = ANY ((SELECT bsp.tenant_ids())::text[]));

-- One row per projection: how far its view on this database is complete, and how it fares. Views in other stores keep their own checkpoint with their
-- data; `sequence` is then the last one their runner reported.
CREATE TABLE bsp.projections (
  name text PRIMARY KEY,
  sequence bigint NOT NULL DEFAULT 0,       -- seq_id of this database
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'rebuilding', 'waiting', 'paused', 'stopped')),
  error text,
  events_per_second double precision NOT NULL DEFAULT 0,
  request text CHECK (request IN ('pause', 'resume', 'rebuild')),   -- asked by any process, taken by the runner
  updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Events that a projection could not take, left out of its view.
CREATE TABLE bsp.parked_events (
  projection text NOT NULL,
  sequence bigint NOT NULL,
  event_id uuid NOT NULL,
  type text NOT NULL,
  error text NOT NULL,
  parked_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (projection, sequence)
);
