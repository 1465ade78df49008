-- Of a copy: its swap was begun, so that in a store outside PostgreSQL it may be the view already, though nobody has noted it (docs/decisions/0085).
SET ROLE bsp_owner;

ALTER TABLE bsp.projections ADD COLUMN swapping boolean NOT NULL DEFAULT false;
