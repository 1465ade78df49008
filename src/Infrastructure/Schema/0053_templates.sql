-- A template's name is unique per number and language. The name is taken before the stream begins, because an append that shares its transaction
-- with others must not fail on it; it is given back when the template is deleted.
SET ROLE bsp_owner;

CREATE TABLE bsp.template_names (
  account_id uuid NOT NULL REFERENCES whatsapp_accounts (id),
  name text NOT NULL,
  language text NOT NULL,
  template_id uuid NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT now(),
  organization_id uuid NOT NULL,
  PRIMARY KEY (account_id, name, language)
);
CREATE INDEX template_names_template ON bsp.template_names (template_id);
SELECT bsp.secure_by_tenant('bsp.template_names');

CREATE INDEX templates_meta_name ON templates (organization_id, name, language);

-- meta_template_id is unique everywhere, also where this organization cannot see. The view asks first, because an append must not fail on it.
CREATE FUNCTION bsp.meta_template_free(meta_id text, template uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS
$$ SELECT NOT EXISTS (SELECT FROM public.templates t WHERE t.meta_template_id = meta_id AND t.id <> template) $$;
