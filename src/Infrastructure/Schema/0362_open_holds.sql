-- Open holds of an organization are listed (GET /v1/wallet/holds); of a million that were settled it would read all.
SET ROLE bsp_owner;
CREATE INDEX ledger_holds_open ON bsp.ledger_holds (organization_id, reference) WHERE state = 'open';
