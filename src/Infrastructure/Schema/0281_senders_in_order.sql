-- What one customer writes is carried out in the order in which it came, whoever reads: of webhooks that bring messages, the inbox knows
-- who may have written them, as bits of a hash. While a reader has one, nobody takes a later one with one of its bits. docs/decisions/0281
SET ROLE bsp_owner;

-- 0: it brings no messages; -1: nobody knows, so it waits for all before it and all behind it wait for it.
ALTER TABLE bsp.webhook_inbox ADD COLUMN senders bigint NOT NULL DEFAULT -1;
ALTER TABLE bsp.webhook_journal ADD COLUMN senders bigint; -- null: kept before this was known
