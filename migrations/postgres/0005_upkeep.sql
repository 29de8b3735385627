-- What keeps a server in order that runs for years: keys, guards, stops by scope, windows of maintenance, retention.

-- What encryption keys that left the ring have signed the audit's chain with, sealed: their links are still checked.
CREATE TABLE chain_keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value_key TEXT COLLATE "C" NOT NULL,
    value_sealed TEXT NOT NULL
);

-- what an older key sealed is found without reading the rest
CREATE INDEX journal_by_key ON journal (tenant, write_key);

-- The cluster's name when its stop was pulled. Scopes: '' everywhere, 'tenant/ID', 'cluster/TENANT/KEY'.
ALTER TABLE emergency_stop ADD COLUMN cluster TEXT COLLATE "C";

-- Whether a person had agreed: limits on automated actions do not count those.
ALTER TABLE journal ADD COLUMN approved BIGINT NOT NULL DEFAULT 0 CHECK (approved IN (0, 1));
CREATE INDEX journal_of_cluster ON journal (tenant, cluster_key, finished_at)
    WHERE applied = 1 AND direction = 'forward';
CREATE INDEX journal_of_strategy ON journal (tenant, strategy, finished_at)
    WHERE applied = 1 AND direction = 'forward';

-- When nothing is done without a person. `ends_at` is NULL for a window that comes back.
CREATE TABLE maintenance_windows (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    ends_at BIGINT,
    created_at BIGINT NOT NULL,
    window_json TEXT NOT NULL
);

CREATE INDEX maintenance_windows_newest ON maintenance_windows (tenant, id);

-- Which warning was given last, in days before the end, and of which end: a rotated credential is warned of anew.
ALTER TABLE clusters ADD COLUMN expiry_told BIGINT;
ALTER TABLE clusters ADD COLUMN expiry_told_of BIGINT;
CREATE INDEX clusters_by_expiry ON clusters (tenant, expires_at) WHERE expires_at IS NOT NULL;

-- The events of a team up to `position` were removed after their time; `chain` is the value of the last of them.
CREATE TABLE audit_checkpoints (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL,
    chain TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    signature TEXT COLLATE "C" NOT NULL
);

CREATE INDEX incidents_by_end ON incidents (tenant, closed_at) WHERE closed = 1;
CREATE INDEX deliveries_by_age ON deliveries (tenant, received_at);
CREATE INDEX incident_alerts_of_alert ON incident_alerts (alert);
DROP INDEX delivery_keys_by_age;
CREATE INDEX delivery_keys_by_age ON delivery_keys (tenant, received_at);

-- Events outlive the incident that they tell of.
ALTER TABLE audit DROP CONSTRAINT audit_incident_fkey;

-- Row-level security, as in the first migration. What is done for all teams is done for one after the other, in its own scope; to
-- know which there are is all that needs more.

ALTER TABLE maintenance_windows ENABLE ROW LEVEL SECURITY;
ALTER TABLE maintenance_windows FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON maintenance_windows USING (tenant = dreamops_tenant());

ALTER TABLE audit_checkpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_checkpoints FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON audit_checkpoints USING (tenant = dreamops_tenant());

CREATE POLICY of_keeper ON tenants FOR SELECT USING (current_setting('dreamops.keeper', true) = 'on');
