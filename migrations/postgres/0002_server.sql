-- What a server needs: tenants by name, tokens, sources, clusters, keys of deliveries, places of alerts.

ALTER TABLE tenants ADD COLUMN name TEXT COLLATE "C";
CREATE UNIQUE INDEX tenants_by_name ON tenants (name) WHERE name IS NOT NULL;

-- An API token is random; only its SHA-256 is here.
CREATE TABLE tokens (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    user_name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

CREATE INDEX tokens_newest ON tokens (tenant, id);

-- Where alerts come from. A name is unique in the program, since it is a part of a route.
CREATE TABLE sources (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    cluster TEXT COLLATE "C",
    secrets_key TEXT COLLATE "C" NOT NULL,
    secrets_sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (kind, name)
);

CREATE INDEX sources_newest ON sources (tenant, id);

CREATE TABLE clusters (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    auth_method TEXT COLLATE "C" NOT NULL,
    namespace TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    status_reason TEXT NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    platform TEXT COLLATE "C" NOT NULL,
    cluster_key TEXT COLLATE "C" NOT NULL,
    cluster_json TEXT NOT NULL,
    mode TEXT COLLATE "C",
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    last_used_at BIGINT,
    credential_key TEXT COLLATE "C" NOT NULL,
    credential_sealed TEXT NOT NULL,
    UNIQUE (tenant, name)
);

CREATE INDEX clusters_by_key ON clusters (tenant, cluster_key);

-- The last delivery with a key. One row per key decides between two equal deliveries at the same time.
CREATE TABLE delivery_keys (
    tenant TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    delivery TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, source, key)
);

CREATE INDEX delivery_keys_by_age ON delivery_keys (received_at);

-- Where alerts meet before anything is asked: by what a source calls them, and by the object they name. One row per key of
-- an open incident; rows go when it ends. The unique key decides between two deliveries at the same time.
CREATE TABLE meeting_keys (
    tenant TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    incident TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, key)
);

CREATE INDEX meeting_keys_of_incident ON meeting_keys (incident);

ALTER TABLE alerts ADD COLUMN starts_at BIGINT;
CREATE INDEX alerts_of_delivery ON alerts (delivery);
-- whether an incident has been told this before; covers what the older index was for
CREATE INDEX alerts_told ON alerts (incident, fingerprint, status);
DROP INDEX alerts_of_incident;
-- lists are paged by moment and id
CREATE INDEX alerts_paged ON alerts (tenant, received_at, id);
DROP INDEX alerts_newest;

-- Set by what an incident must not sleep through, cleared by who takes it: a worker that postpones cannot undo the call.
ALTER TABLE work ADD COLUMN woken BIGINT NOT NULL DEFAULT 0;

-- Row-level security, as in the first migration. What is asked before the tenant is known is found by the secret or the name
-- that the request brings, and nothing beside it.

ALTER TABLE tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON tokens USING (tenant = dreamops_tenant());

ALTER TABLE sources ENABLE ROW LEVEL SECURITY;
ALTER TABLE sources FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON sources USING (tenant = dreamops_tenant());

ALTER TABLE clusters ENABLE ROW LEVEL SECURITY;
ALTER TABLE clusters FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON clusters USING (tenant = dreamops_tenant());

ALTER TABLE delivery_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE delivery_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON delivery_keys USING (tenant = dreamops_tenant());

ALTER TABLE meeting_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE meeting_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON meeting_keys USING (tenant = dreamops_tenant());

CREATE POLICY by_secret ON tokens FOR SELECT USING (sha256 = current_setting('dreamops.token', true));
CREATE POLICY by_route ON sources FOR SELECT USING (kind || '/' || name = current_setting('dreamops.route', true));
CREATE POLICY by_name ON tenants FOR SELECT USING (name = current_setting('dreamops.name', true));
