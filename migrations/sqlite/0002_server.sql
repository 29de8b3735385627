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

-- The object as the alert names it (namespace/Kind/name), and the cluster: storms meet here before anything is asked.
ALTER TABLE alerts ADD COLUMN place TEXT;
ALTER TABLE alerts ADD COLUMN cluster_key TEXT;
CREATE INDEX alerts_by_place ON alerts (tenant, cluster_key, place, received_at) WHERE place IS NOT NULL;
CREATE INDEX alerts_of_delivery ON alerts (delivery);
