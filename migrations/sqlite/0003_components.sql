-- The files of components that handle open incidents, by the SHA-256 of their bytes. They are the program's, and no team's.

CREATE TABLE components (
    digest TEXT NOT NULL PRIMARY KEY,
    bytes  BLOB NOT NULL
) STRICT;

-- Which open incident is handled by which. No content. Rows go when it ends, and a file with its last one.
CREATE TABLE pinned_components (
    incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    digest   TEXT NOT NULL REFERENCES components (digest),
    PRIMARY KEY (incident, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX pinned_components_of ON pinned_components (digest);
