-- What keeps a server in order that runs for years: keys, guards, stops by scope, windows of maintenance, retention.

-- What encryption keys that left the ring have signed the audit's chain with, sealed: their links are still checked.
CREATE TABLE chain_keys (
    id           TEXT NOT NULL PRIMARY KEY,
    value_key    TEXT NOT NULL,
    value_sealed TEXT NOT NULL
) STRICT;

-- what an older key sealed is found without reading the rest
CREATE INDEX journal_by_key ON journal (tenant, write_key);

-- The cluster's name when its stop was pulled. Scopes: '' everywhere, 'tenant/ID', 'cluster/TENANT/KEY'.
ALTER TABLE emergency_stop ADD COLUMN cluster TEXT;

-- Whether a person had agreed: limits on automated actions do not count those.
ALTER TABLE journal ADD COLUMN approved INTEGER NOT NULL DEFAULT 0 CHECK (approved IN (0, 1));
CREATE INDEX journal_of_cluster ON journal (tenant, cluster_key, finished_at)
    WHERE applied = 1 AND direction = 'forward';
CREATE INDEX journal_of_strategy ON journal (tenant, strategy, finished_at)
    WHERE applied = 1 AND direction = 'forward';

-- When nothing is done without a person. `ends_at` is NULL for a window that comes back.
CREATE TABLE maintenance_windows (
    id          TEXT    NOT NULL PRIMARY KEY,
    tenant      TEXT    NOT NULL,
    ends_at     INTEGER,
    created_at  INTEGER NOT NULL,
    window_json TEXT    NOT NULL
) STRICT;

CREATE INDEX maintenance_windows_newest ON maintenance_windows (tenant, id);

-- Which warning was given last, in days before the end, and of which end: a rotated credential is warned of anew.
ALTER TABLE clusters ADD COLUMN expiry_told INTEGER;
ALTER TABLE clusters ADD COLUMN expiry_told_of INTEGER;
CREATE INDEX clusters_by_expiry ON clusters (tenant, expires_at) WHERE expires_at IS NOT NULL;

-- The events of a team up to `position` were removed after their time; `chain` is the value of the last of them.
CREATE TABLE audit_checkpoints (
    tenant    TEXT    NOT NULL PRIMARY KEY,
    position  INTEGER NOT NULL,
    chain     TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    key       TEXT    NOT NULL,
    signature TEXT    NOT NULL
) STRICT;

CREATE INDEX incidents_by_end ON incidents (tenant, closed_at) WHERE closed = 1;
CREATE INDEX deliveries_by_age ON deliveries (tenant, received_at);
CREATE INDEX incident_alerts_of_alert ON incident_alerts (alert);
DROP INDEX delivery_keys_by_age;
CREATE INDEX delivery_keys_by_age ON delivery_keys (tenant, received_at);

-- Events outlive the incident that they tell of: the table without that reference.
CREATE TABLE audit_kept (
    number_all INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    tenant     TEXT    NOT NULL,
    incident   TEXT,
    at         INTEGER NOT NULL,
    phase      TEXT,
    event      TEXT    NOT NULL,
    body_json  TEXT    NOT NULL,
    position   INTEGER,
    chain_key  TEXT,
    chain      TEXT
) STRICT;

INSERT INTO audit_kept (number_all, tenant, incident, at, phase, event, body_json, position, chain_key, chain)
    SELECT number_all, tenant, incident, at, phase, event, body_json, position, chain_key, chain
    FROM audit ORDER BY number_all;
DROP TABLE audit;
ALTER TABLE audit_kept RENAME TO audit;

CREATE INDEX audit_of_incident ON audit (incident, number_all) WHERE incident IS NOT NULL;
CREATE INDEX audit_of_tenant ON audit (tenant, number_all);
CREATE UNIQUE INDEX audit_sealed ON audit (tenant, position) WHERE position IS NOT NULL;
CREATE INDEX audit_unsealed ON audit (number_all) WHERE position IS NULL;
