-- Incidents and everything that belongs to them.
--
-- The same tables, columns and values as on SQLite (see there what they mean): identifiers and documents are text, never `jsonb`,
-- because the audit's chain is over the stored bytes; moments are milliseconds since 1970 in UTC. Identifiers and names are
-- compared byte by byte, as SQLite does.

-- A team, with the secret under which its redacted values get their handles.
CREATE TABLE tenants (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    redaction_key TEXT COLLATE "C" NOT NULL,
    redaction_sealed TEXT NOT NULL
);

CREATE TABLE incidents (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    phase TEXT COLLATE "C" NOT NULL,
    mode TEXT COLLATE "C" NOT NULL,
    closed BIGINT NOT NULL CHECK (closed IN (0, 1)),
    cluster_key TEXT COLLATE "C" NOT NULL,
    cluster_json TEXT NOT NULL,
    owner_key TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    closed_at BIGINT,
    format BIGINT NOT NULL,
    -- the case without its alerts and its timeline, which have rows of their own
    case_json TEXT NOT NULL
);

-- One open incident per owner: the rule that two racing workers cannot break.
CREATE UNIQUE INDEX incidents_one_per_owner ON incidents (tenant, cluster_key, owner_key)
    WHERE closed = 0 AND owner_key IS NOT NULL;
CREATE INDEX incidents_newest ON incidents (tenant, id);
CREATE INDEX incidents_open ON incidents (tenant, id) WHERE closed = 0;
CREATE INDEX incidents_in_phase ON incidents (tenant, phase, id);

-- What is to be worked on, and by whom. No content. Waiting is a due_at; NULL where nothing is to be done.
CREATE TABLE work (
    incident TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES incidents (id) ON DELETE CASCADE,
    tenant TEXT COLLATE "C" NOT NULL,
    cluster_key TEXT COLLATE "C" NOT NULL,
    owner_key TEXT COLLATE "C",
    due_at BIGINT,
    lease_owner TEXT COLLATE "C",
    -- goes up with each taker; every write to the incident is conditional on it
    epoch BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX work_due ON work (due_at) WHERE due_at IS NOT NULL;

-- One request of a source. The key tells a repeated one; for how long it counts is the intake's rule.
CREATE TABLE deliveries (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL
);

CREATE INDEX deliveries_by_key ON deliveries (tenant, source, key, received_at);

CREATE TABLE alerts (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    delivery TEXT COLLATE "C" NOT NULL REFERENCES deliveries (id),
    source TEXT COLLATE "C" NOT NULL,
    source_id TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    -- the incident that deals with it; another one than it opened where that one joined
    incident TEXT COLLATE "C" NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    received_at BIGINT NOT NULL,
    alert_json TEXT NOT NULL
);

CREATE INDEX alerts_of_incident ON alerts (incident);
CREATE INDEX alerts_newest ON alerts (tenant, received_at);
CREATE INDEX alerts_by_fingerprint ON alerts (tenant, source, fingerprint, received_at);

-- Which alerts an incident shows, in their order: its own, and those of the incidents that joined it.
CREATE TABLE incident_alerts (
    incident TEXT COLLATE "C" NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    alert TEXT COLLATE "C" NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    PRIMARY KEY (incident, position)
);

-- Writes to clusters: planned, about to be sent, known. The order of an incident's entries is that of `number_all`.
CREATE TABLE journal (
    number_all BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    tenant TEXT COLLATE "C" NOT NULL,
    incident TEXT COLLATE "C" NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    cluster_key TEXT COLLATE "C" NOT NULL,
    owner_key TEXT COLLATE "C",
    attempt BIGINT NOT NULL,
    step BIGINT NOT NULL,
    number BIGINT NOT NULL,
    direction TEXT COLLATE "C" NOT NULL CHECK (direction IN ('forward', 'revert')),
    -- what the step is called, who proposed it and for which fault, as of the plan: a later plan replaces the case's
    action TEXT COLLATE "C" NOT NULL,
    strategy TEXT COLLATE "C" NOT NULL,
    fault TEXT COLLATE "C" NOT NULL,
    write_key TEXT COLLATE "C" NOT NULL,
    write_sealed TEXT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    applied BIGINT CHECK (applied IN (0, 1)),
    outcome_json TEXT
);

CREATE INDEX journal_of_incident ON journal (incident, number_all);
-- what was done to an owner: asked by policy before every plan
CREATE INDEX journal_history ON journal (tenant, cluster_key, owner_key, finished_at)
    WHERE applied = 1 AND direction = 'forward';

-- What happened. A row is committed with the act itself; `position` and `chain` are given later, in commit order, by one sealer.
CREATE TABLE audit (
    number_all BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    incident TEXT COLLATE "C" REFERENCES incidents (id),
    at BIGINT NOT NULL,
    phase TEXT COLLATE "C",
    event TEXT COLLATE "C" NOT NULL,
    body_json TEXT NOT NULL,
    position BIGINT,
    chain_key TEXT COLLATE "C",
    chain TEXT COLLATE "C"
);

CREATE INDEX audit_of_incident ON audit (incident, number_all) WHERE incident IS NOT NULL;
CREATE INDEX audit_of_tenant ON audit (tenant, number_all);
CREATE UNIQUE INDEX audit_sealed ON audit (tenant, position) WHERE position IS NOT NULL;
CREATE INDEX audit_unsealed ON audit (number_all) WHERE position IS NULL;

-- One row per scope in which nothing may be written: '' for everywhere.
CREATE TABLE emergency_stop (
    scope TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    since BIGINT NOT NULL,
    pulled_by TEXT COLLATE "C" NOT NULL,
    reason TEXT NOT NULL
);

-- Pull credentials that an operator gave. An empty namespace stands for every namespace.
CREATE TABLE registry_credentials (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    registry TEXT COLLATE "C" NOT NULL,
    namespace TEXT COLLATE "C" NOT NULL,
    username TEXT COLLATE "C" NOT NULL,
    password_key TEXT COLLATE "C" NOT NULL,
    password_sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (tenant, registry, namespace)
);

-- A known value under the keyring: a start with another keyring is refused before anything is written under it.
CREATE TABLE key_check (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (id = 'only'),
    value_key TEXT COLLATE "C" NOT NULL,
    value_sealed TEXT NOT NULL
);

-- Row-level security: outside of a transaction that says whose rows it is about there are none. The queue (`work`) has no content
-- and none of it; neither has what belongs to the program as a whole: `emergency_stop`, `key_check`.
CREATE FUNCTION dreamops_tenant() RETURNS text LANGUAGE sql STABLE
    AS $$ SELECT nullif(current_setting('dreamops.tenant', true), '') $$;

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON tenants USING (id = dreamops_tenant());

ALTER TABLE incidents ENABLE ROW LEVEL SECURITY;
ALTER TABLE incidents FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON incidents USING (tenant = dreamops_tenant());

ALTER TABLE deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON deliveries USING (tenant = dreamops_tenant());

ALTER TABLE alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON alerts USING (tenant = dreamops_tenant());

ALTER TABLE incident_alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE incident_alerts FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON incident_alerts
    USING (EXISTS (SELECT 1 FROM incidents WHERE incidents.id = incident_alerts.incident));

ALTER TABLE journal ENABLE ROW LEVEL SECURITY;
ALTER TABLE journal FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON journal USING (tenant = dreamops_tenant());

ALTER TABLE registry_credentials ENABLE ROW LEVEL SECURITY;
ALTER TABLE registry_credentials FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON registry_credentials USING (tenant = dreamops_tenant());

ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON audit USING (tenant = dreamops_tenant());

-- the sealer chains the events of all tenants
CREATE POLICY of_sealer ON audit USING (current_setting('dreamops.sealer', true) = 'on');
