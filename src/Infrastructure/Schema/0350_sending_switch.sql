-- Whether anything leaves for customers: one row of the directory, which every process obeys; docs/decisions/0350.
SET ROLE bsp_owner;

CREATE TABLE bsp.sending_switch (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  held boolean NOT NULL,
  reason text CHECK (length(reason) <= 200),
  changed_at timestamptz NOT NULL
);
