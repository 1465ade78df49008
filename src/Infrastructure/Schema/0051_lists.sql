-- contact_count is moved by whatever moves the members, in the same statement's transaction: added, removed, or gone with their contact.
-- Rows are locked contact first, list last, lists in the order of their ids: everywhere the same, so that two writers wait and do not deadlock.
SET ROLE bsp_owner;

CREATE FUNCTION bsp.count_list_items() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM contact_lists WHERE id IN (SELECT list_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
  UPDATE contact_lists l SET contact_count = l.contact_count + CASE TG_OP WHEN 'INSERT' THEN c.n ELSE -c.n END, updated_at = now()
  FROM (SELECT list_id, count(*)::int AS n FROM changed GROUP BY list_id) c WHERE l.id = c.list_id;
  RETURN NULL;
END $$;

CREATE TRIGGER count_added AFTER INSERT ON contact_list_items REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION bsp.count_list_items();
CREATE TRIGGER count_removed AFTER DELETE ON contact_list_items REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION bsp.count_list_items();
