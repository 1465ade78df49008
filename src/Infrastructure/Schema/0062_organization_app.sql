-- own: the secret of an organization's own Meta app, sealed; null: it uses the platform's app.
SET ROLE bsp_owner;
ALTER TABLE organizations ADD COLUMN meta_app_secret text;
