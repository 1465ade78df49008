-- Bodies are known again by an HMAC (BodyMacs.cs), not by their plain SHA-256, from which a password in them can be guessed. Those that lie here are forgotten: a repeat of a
-- request from before the upgrade is another body (422), and nothing is done twice.
SET ROLE bsp_owner;

UPDATE bsp.idempotency_keys SET body_sha256 = '' WHERE body_sha256 !~ '\.';
COMMENT ON COLUMN bsp.idempotency_keys.body_sha256 IS 'id of the master key, a dot, HMAC-SHA-256 in hex of the body''s SHA-256';
