-- Directory database. A row: nothing is sent to Meta by any process, until a person removes it. A restored database begins with one.
SET ROLE bsp_owner;

CREATE TABLE bsp.sending_hold (
  one boolean PRIMARY KEY DEFAULT true CHECK (one), -- at most one row
  since timestamptz NOT NULL,
  reason text NOT NULL CHECK (octet_length(reason) BETWEEN 1 AND 1000)
);
