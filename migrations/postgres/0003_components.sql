-- The files of components that handle open incidents, by the SHA-256 of their bytes. They are the program's, and no team's.

CREATE TABLE components (
    digest TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    bytes BYTEA NOT NULL
);

-- Which open incident is handled by which. No content, and so no row-level security: whether a file is still needed depends
-- on the incidents of all teams. Rows go when the incident ends, and a file with its last one.
CREATE TABLE pinned_components (
    incident TEXT COLLATE "C" NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    digest TEXT COLLATE "C" NOT NULL REFERENCES components (digest),
    PRIMARY KEY (incident, digest)
);

CREATE INDEX pinned_components_of ON pinned_components (digest);
