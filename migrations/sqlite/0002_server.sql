-- What a server needs: tenants by name, tokens, sources, clusters, keys of deliveries, places of alerts.

ALTER TABLE tenants ADD COLUMN name TEXT;
CREATE UNIQUE INDEX tenants_by_name ON tenants (name) WHERE name IS NOT NULL;

-- An API token is random; only its SHA-256 is here.
CREATE TABLE tokens (
    id         TEXT    NOT NULL PRIMARY KEY,
    tenant     TEXT    NOT NULL,
    user_name  TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    sha256     TEXT    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE INDEX tokens_newest ON tokens (tenant, id);

-- Where alerts come from. A name is unique in the program, since it is a part of a route.
CREATE TABLE sources (
    id             TEXT    NOT NULL PRIMARY KEY,
    tenant         TEXT    NOT NULL,
    kind           TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    cluster        TEXT,
    secrets_key    TEXT    NOT NULL,
    secrets_sealed TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    UNIQUE (kind, name)
) STRICT;

CREATE INDEX sources_newest ON sources (tenant, id);

CREATE TABLE clusters (
    id                TEXT    NOT NULL PRIMARY KEY,
    tenant            TEXT    NOT NULL,
    name              TEXT    NOT NULL,
    auth_method       TEXT    NOT NULL,
    namespace         TEXT    NOT NULL,
    status            TEXT    NOT NULL,
    status_reason     TEXT    NOT NULL,
    version           TEXT    NOT NULL,
    platform          TEXT    NOT NULL,
    cluster_key       TEXT    NOT NULL,
    cluster_json      TEXT    NOT NULL,
    mode              TEXT,
    expires_at        INTEGER,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    last_used_at      INTEGER,
    credential_key    TEXT    NOT NULL,
    credential_sealed TEXT    NOT NULL,
    UNIQUE (tenant, name)
) STRICT;

CREATE INDEX clusters_by_key ON clusters (tenant, cluster_key);

-- The last delivery with a key. One row per key decides between two equal deliveries at the same time.
CREATE TABLE delivery_keys (
    tenant      TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    delivery    TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, source, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX delivery_keys_by_age ON delivery_keys (received_at);

-- Where alerts meet before anything is asked: by what a source calls them, and by the object they name. One row per key of
-- an open incident; rows go when it ends. The unique key decides between two deliveries at the same time.
CREATE TABLE meeting_keys (
    tenant   TEXT NOT NULL,
    key      TEXT NOT NULL,
    incident TEXT NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX meeting_keys_of_incident ON meeting_keys (incident);

ALTER TABLE alerts ADD COLUMN starts_at INTEGER;
CREATE INDEX alerts_of_delivery ON alerts (delivery);
-- whether an incident has been told this before; covers what the older index was for
CREATE INDEX alerts_told ON alerts (incident, fingerprint, status);
DROP INDEX alerts_of_incident;
-- lists are paged by moment and id
CREATE INDEX alerts_paged ON alerts (tenant, received_at, id);
DROP INDEX alerts_newest;

-- Set by what an incident must not sleep through, cleared by who takes it: a worker that postpones cannot undo the call.
ALTER TABLE work ADD COLUMN woken INTEGER NOT NULL DEFAULT 0;
