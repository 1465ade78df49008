-- A number is routed to whoever proved with Meta that it is theirs, not to whoever named it first (docs/decisions/0175). Directory and shards.
SET ROLE bsp_owner;

-- Rows are written when Meta confirmed token, number and WABA. Rows of before have no proof: NumberProofs.cs asks Meta about them, and nothing is routed by them until then.
ALTER TABLE bsp.directory_numbers
  ADD COLUMN proven_at timestamptz,                        -- since when it is this account's; null: named only, before proofs were asked for
  ADD COLUMN confirmed_at timestamptz,                     -- when Meta last said so
  ADD COLUMN doubted_at timestamptz,                       -- a webhook named another WABA for it: Meta is asked again
  ADD COLUMN checked_at timestamptz,                       -- when Meta was last asked because of a doubt
  ADD COLUMN other_entries text[] NOT NULL DEFAULT '{}';   -- ids of other WABAs under which webhooks came, after which Meta confirmed the number all the same
CREATE INDEX directory_numbers_open ON bsp.directory_numbers (checked_at) WHERE proven_at IS NULL OR doubted_at IS NOT NULL;

-- Whoever has the number noted is not its owner yet: two organizations may note the same one.
ALTER TABLE whatsapp_accounts DROP CONSTRAINT whatsapp_accounts_phone_number_id_key;
CREATE UNIQUE INDEX whatsapp_accounts_number ON whatsapp_accounts (organization_id, phone_number_id);

-- Meta's id of a template is unique within an organization: one that lost a WABA must not be in the way of the one that has it.
ALTER TABLE templates DROP CONSTRAINT templates_meta_template_id_key;
CREATE UNIQUE INDEX templates_meta_template_id ON templates (organization_id, meta_template_id) WHERE meta_template_id IS NOT NULL;
CREATE OR REPLACE FUNCTION bsp.meta_template_free(meta_id text, template uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT NOT EXISTS (SELECT FROM public.templates t JOIN public.templates own ON own.organization_id = t.organization_id AND own.id = template WHERE t.meta_template_id = meta_id AND t.id <> template)
$$;
REVOKE ALL ON FUNCTION bsp.meta_template_free(text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.meta_template_free(text, uuid) TO bsp_app;

-- What a noted webhook waits for: the proof of this number, of this WABA, or of the number with these digits. Carried out when it comes.
ALTER TABLE bsp.webhook_notes
  ADD COLUMN phone_number_id text,
  ADD COLUMN waba_id text,
  ADD COLUMN display_digits text,
  ADD COLUMN released_at timestamptz;                      -- put back into the inbox
CREATE INDEX webhook_notes_waiting_number ON bsp.webhook_notes (phone_number_id) WHERE released_at IS NULL AND phone_number_id IS NOT NULL;
CREATE INDEX webhook_notes_waiting_digits ON bsp.webhook_notes (display_digits) WHERE released_at IS NULL AND display_digits IS NOT NULL;
CREATE INDEX webhook_notes_waiting_waba ON bsp.webhook_notes (waba_id) WHERE released_at IS NULL AND waba_id IS NOT NULL;

-- Puts back into the inbox what waits for this proven number: what came under its WABA, and of what came under another one only what came since the claim and is confirmed by now.
-- What the journal no longer has stays a note. Returns how many webhooks.
CREATE FUNCTION bsp.webhooks_release(p_phone_number_id text) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  WITH claim AS (SELECT * FROM bsp.directory_numbers d WHERE d.phone_number_id = p_phone_number_id AND d.proven_at IS NOT NULL),
  waiting AS (
    SELECT n.id, n.waba_id, n.received_at FROM claim c JOIN bsp.webhook_notes n ON n.phone_number_id = c.phone_number_id WHERE n.released_at IS NULL
    UNION
    SELECT n.id, n.waba_id, n.received_at FROM claim c JOIN bsp.webhook_notes n ON n.display_digits = c.display_digits WHERE n.released_at IS NULL
    UNION
    SELECT n.id, n.waba_id, n.received_at FROM claim c JOIN bsp.webhook_notes n ON n.waba_id = c.waba_id WHERE n.released_at IS NULL AND n.phone_number_id IS NULL AND n.display_digits IS NULL),
  freed AS (
    UPDATE bsp.webhook_notes n SET released_at = now() FROM waiting w, claim c
     WHERE n.id = w.id AND (w.waba_id = c.waba_id OR (w.waba_id = ANY (c.other_entries) AND w.received_at > c.proven_at)) RETURNING n.journal_id, n.received_at),
  put AS (
    INSERT INTO bsp.webhook_inbox (journal_id, received_at)
    SELECT DISTINCT f.journal_id, f.received_at FROM freed f WHERE EXISTS (SELECT FROM bsp.webhook_journal j WHERE j.received_at = f.received_at AND j.id = f.journal_id)
    ON CONFLICT DO NOTHING RETURNING 1)
  SELECT count(*)::int FROM put
$$;

-- Numbers that are proven while something still waits for them: noted in the very moment of the proof.
CREATE FUNCTION bsp.numbers_waited_for(p_limit int) RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  SELECT d.phone_number_id FROM bsp.directory_numbers d WHERE d.proven_at IS NOT NULL AND (
       EXISTS (SELECT FROM bsp.webhook_notes n WHERE n.released_at IS NULL AND n.phone_number_id = d.phone_number_id AND n.waba_id = d.waba_id)
    OR EXISTS (SELECT FROM bsp.webhook_notes n WHERE n.released_at IS NULL AND n.display_digits = d.display_digits AND n.waba_id = d.waba_id)
    OR EXISTS (SELECT FROM bsp.webhook_notes n WHERE n.released_at IS NULL AND n.waba_id = d.waba_id AND n.phone_number_id IS NULL AND n.display_digits IS NULL)) LIMIT p_limit
$$;

-- A webhook that was noted while its number's doubt was being resolved is a doubt of its own, and one that came under an id confirmed by now waits for nothing. Returns numbers to release.
CREATE FUNCTION bsp.numbers_doubted_again(p_limit int) RETURNS SETOF text LANGUAGE sql SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  WITH waiting AS MATERIALIZED (
    SELECT d.phone_number_id, n.waba_id = ANY (d.other_entries) AS accepted FROM bsp.webhook_notes n JOIN bsp.directory_numbers d ON d.phone_number_id = n.phone_number_id
     WHERE n.released_at IS NULL AND n.phone_number_id IS NOT NULL AND n.waba_id <> d.waba_id AND n.received_at > d.proven_at AND d.doubted_at IS NULL
    UNION
    SELECT d.phone_number_id, n.waba_id = ANY (d.other_entries) FROM bsp.webhook_notes n JOIN bsp.directory_numbers d ON d.display_digits = n.display_digits
     WHERE n.released_at IS NULL AND n.display_digits IS NOT NULL AND n.waba_id <> d.waba_id AND n.received_at > d.proven_at AND d.doubted_at IS NULL
    LIMIT p_limit),
  doubted AS (UPDATE bsp.directory_numbers d SET doubted_at = now() WHERE d.phone_number_id IN (SELECT w.phone_number_id FROM waiting w WHERE NOT w.accepted))
  SELECT DISTINCT w.phone_number_id FROM waiting w WHERE w.accepted
$$;

-- Meta confirmed a doubted number: the ids under which webhooks came for it meanwhile are good for it too (the last eight).
CREATE FUNCTION bsp.number_confirmed(p_phone_number_id text, p_organization_id uuid, p_account_id uuid, p_display_digits text) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = bsp, pg_temp AS $$
  UPDATE bsp.directory_numbers d SET proven_at = coalesce(d.proven_at, now()), confirmed_at = now(), doubted_at = NULL, display_digits = p_display_digits, other_entries = (
    SELECT coalesce(array_agg(e), '{}') FROM (SELECT DISTINCT u.e FROM (
      SELECT unnest(d.other_entries) AS e
      UNION ALL SELECT n.waba_id FROM bsp.webhook_notes n WHERE n.released_at IS NULL AND n.phone_number_id = d.phone_number_id AND n.received_at > d.proven_at
      UNION ALL SELECT n.waba_id FROM bsp.webhook_notes n WHERE n.released_at IS NULL AND n.display_digits = d.display_digits AND n.received_at > d.proven_at) u
     WHERE u.e <> d.waba_id LIMIT 8) x)
   WHERE d.phone_number_id = p_phone_number_id AND d.organization_id = p_organization_id AND d.account_id = p_account_id;
  SELECT bsp.webhooks_release(p_phone_number_id)
$$;

REVOKE ALL ON FUNCTION bsp.webhooks_release(text), bsp.numbers_waited_for(int), bsp.numbers_doubted_again(int), bsp.number_confirmed(text, uuid, uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bsp.webhooks_release(text), bsp.numbers_waited_for(int), bsp.numbers_doubted_again(int), bsp.number_confirmed(text, uuid, uuid, text) TO bsp_app;
