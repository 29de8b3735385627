-- Incidents and everything that belongs to them.
--
-- Every row has a tenant. Identifiers are UUIDs as lower-case text; those we make are version 7, so that their order is
-- the order of creation. Moments are milliseconds since 1970 in UTC. Columns named *_json hold one document each;
-- columns named *_sealed hold a token of the vault, with the name of its key in *_key beside it.

-- A team, with the secret under which its redacted values get their handles.
CREATE TABLE tenants (
    id               TEXT    NOT NULL PRIMARY KEY,
    created_at       INTEGER NOT NULL,
    redaction_key    TEXT    NOT NULL,
    redaction_sealed TEXT    NOT NULL
) STRICT;

CREATE TABLE incidents (
    id           TEXT    NOT NULL PRIMARY KEY,
    tenant       TEXT    NOT NULL,
    phase        TEXT    NOT NULL,
    mode         TEXT    NOT NULL,
    closed       INTEGER NOT NULL CHECK (closed IN (0, 1)),
    cluster_key  TEXT    NOT NULL,
    cluster_json TEXT    NOT NULL,
    owner_key    TEXT,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    closed_at    INTEGER,
    format       INTEGER NOT NULL,
    -- the case without its alerts and its timeline, which have rows of their own
    case_json    TEXT    NOT NULL
) STRICT;

-- One open incident per owner: the rule that two racing workers cannot break.
CREATE UNIQUE INDEX incidents_one_per_owner ON incidents (tenant, cluster_key, owner_key)
    WHERE closed = 0 AND owner_key IS NOT NULL;
CREATE INDEX incidents_newest ON incidents (tenant, id);
CREATE INDEX incidents_open ON incidents (tenant, id) WHERE closed = 0;
CREATE INDEX incidents_in_phase ON incidents (tenant, phase, id);

-- What is to be worked on, and by whom. No content. Waiting is a due_at; NULL where nothing is to be done.
CREATE TABLE work (
    incident    TEXT    NOT NULL PRIMARY KEY REFERENCES incidents (id) ON DELETE CASCADE,
    tenant      TEXT    NOT NULL,
    cluster_key TEXT    NOT NULL,
    owner_key   TEXT,
    due_at      INTEGER,
    lease_owner TEXT,
    -- goes up with each taker; every write to the incident is conditional on it
    epoch       INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX work_due ON work (due_at) WHERE due_at IS NOT NULL;

-- One request of a source. The key tells a repeated one; for how long it counts is the intake's rule.
CREATE TABLE deliveries (
    id          TEXT    NOT NULL PRIMARY KEY,
    tenant      TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;

CREATE INDEX deliveries_by_key ON deliveries (tenant, source, key, received_at);

CREATE TABLE alerts (
    id          TEXT    NOT NULL PRIMARY KEY,
    tenant      TEXT    NOT NULL,
    delivery    TEXT    NOT NULL REFERENCES deliveries (id),
    source      TEXT    NOT NULL,
    source_id   TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    -- the incident that deals with it; another one than it opened where that one joined
    incident    TEXT    NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    received_at INTEGER NOT NULL,
    alert_json  TEXT    NOT NULL
) STRICT;

CREATE INDEX alerts_of_incident ON alerts (incident);
CREATE INDEX alerts_newest ON alerts (tenant, received_at);
CREATE INDEX alerts_by_fingerprint ON alerts (tenant, source, fingerprint, received_at);

-- Which alerts an incident shows, in their order: its own, and those of the incidents that joined it.
CREATE TABLE incident_alerts (
    incident TEXT    NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    alert    TEXT    NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    PRIMARY KEY (incident, position)
) STRICT, WITHOUT ROWID;

-- Writes to clusters: planned, about to be sent, known. The order of an incident's entries is that of `number_all`.
CREATE TABLE journal (
    number_all   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    tenant       TEXT    NOT NULL,
    incident     TEXT    NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    cluster_key  TEXT    NOT NULL,
    owner_key    TEXT,
    attempt      INTEGER NOT NULL,
    step         INTEGER NOT NULL,
    number       INTEGER NOT NULL,
    direction    TEXT    NOT NULL CHECK (direction IN ('forward', 'revert')),
    -- what the step is called, who proposed it and for which fault, as of the plan: a later plan replaces the case's
    action       TEXT    NOT NULL,
    strategy     TEXT    NOT NULL,
    fault        TEXT    NOT NULL,
    write_key    TEXT    NOT NULL,
    write_sealed TEXT    NOT NULL,
    started_at   INTEGER,
    finished_at  INTEGER,
    applied      INTEGER CHECK (applied IN (0, 1)),
    outcome_json TEXT
) STRICT;

CREATE INDEX journal_of_incident ON journal (incident, number_all);
-- what was done to an owner: asked by policy before every plan
CREATE INDEX journal_history ON journal (tenant, cluster_key, owner_key, finished_at)
    WHERE applied = 1 AND direction = 'forward';

-- What happened. A row is committed with the act itself; `position` and `chain` are given later, in commit order, by one sealer.
CREATE TABLE audit (
    number_all INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    tenant     TEXT    NOT NULL,
    incident   TEXT    REFERENCES incidents (id),
    at         INTEGER NOT NULL,
    phase      TEXT,
    event      TEXT    NOT NULL,
    body_json  TEXT    NOT NULL,
    position   INTEGER,
    chain_key  TEXT,
    chain      TEXT
) STRICT;

CREATE INDEX audit_of_incident ON audit (incident, number_all) WHERE incident IS NOT NULL;
CREATE INDEX audit_of_tenant ON audit (tenant, number_all);
CREATE UNIQUE INDEX audit_sealed ON audit (tenant, position) WHERE position IS NOT NULL;
CREATE INDEX audit_unsealed ON audit (number_all) WHERE position IS NULL;

-- One row per scope in which nothing may be written: '' for everywhere.
CREATE TABLE emergency_stop (
    scope     TEXT    NOT NULL PRIMARY KEY,
    since     INTEGER NOT NULL,
    pulled_by TEXT    NOT NULL,
    reason    TEXT    NOT NULL
) STRICT;

-- Pull credentials that an operator gave. An empty namespace stands for every namespace.
CREATE TABLE registry_credentials (
    id              TEXT    NOT NULL PRIMARY KEY,
    tenant          TEXT    NOT NULL,
    registry        TEXT    NOT NULL,
    namespace       TEXT    NOT NULL,
    username        TEXT    NOT NULL,
    password_key    TEXT    NOT NULL,
    password_sealed TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    UNIQUE (tenant, registry, namespace)
) STRICT;

-- A known value under the keyring: a start with another keyring is refused before anything is written under it.
CREATE TABLE key_check (
    id           TEXT NOT NULL PRIMARY KEY CHECK (id = 'only'),
    value_key    TEXT NOT NULL,
    value_sealed TEXT NOT NULL
) STRICT;
