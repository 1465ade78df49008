-- Which attempt holds a claim: whoever lost his lease to a later one neither renews nor gives back what is no longer his. docs/decisions/0121
SET ROLE bsp_owner;

ALTER TABLE bsp.idempotency_keys ADD COLUMN attempt int NOT NULL DEFAULT 1;
