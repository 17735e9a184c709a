-- resources/schema/review.sql as it was in version 1 of the tables: files made by it must open. Never change it.
-- The review tables of a candidates GeoPackage: the append-only log of decisions, and what it amounts to.
-- Plain SQLite, run once on a GeoPackage that has the layer `candidates`. Backend and plugin read this file.

-- One row per decision, in the order made; nothing is ever changed or taken out. `candidate` is a uuid of the
-- layer, not a foreign key: a decision outlives the candidate it was about. To undo is to add a row that
-- `undoes` an earlier one; to redo is to decide anew.
CREATE TABLE decisions (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
  uuid TEXT NOT NULL UNIQUE,           -- of the decision itself: the same row in two copies of a file
  candidate TEXT NOT NULL,             -- uuid of the candidate
  decision TEXT NOT NULL CHECK (decision IN ('accept', 'reject', 'reclassify', 'unsure', 'undo')),
  class_id INTEGER,                    -- what is really there, for `reclassify`
  undoes TEXT,                         -- uuid of the decision taken back, for `undo`
  user TEXT NOT NULL,
  time TEXT NOT NULL,                  -- UTC, 2026-05-31T14:03:59.123Z
  seconds REAL,                        -- looked at for so long before deciding
  comment TEXT,
  outline BLOB,                        -- a new outline (GeoPackage geometry), where the reviewer drew one
  model_sha256 TEXT,                   -- of the model, and the name of the run, that the candidate is from
  run TEXT,
  CHECK ((decision = 'reclassify') = (class_id IS NOT NULL)),
  CHECK ((decision = 'undo') = (undoes IS NOT NULL))
);
CREATE UNIQUE INDEX candidates_by_uuid ON candidates (uuid);
CREATE INDEX decisions_by_candidate ON decisions (candidate, id);
CREATE INDEX decisions_by_undone ON decisions (undoes) WHERE undoes IS NOT NULL;

CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions
BEGIN SELECT RAISE(ABORT, 'decisions are append-only: add a row instead of changing one'); END;
CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions
BEGIN SELECT RAISE(ABORT, 'decisions are append-only: add an undo instead of deleting'); END;
-- INSERT OR REPLACE would delete the old row without a trigger.
CREATE TRIGGER decisions_no_replace BEFORE INSERT ON decisions
WHEN EXISTS (SELECT 1 FROM decisions WHERE uuid = NEW.uuid OR id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'decisions are append-only: this decision is already there'); END;

-- The current state of every candidate: its last decision that was not undone. `state` is undecided, accept,
-- reject, reclassify or unsure; `final_class_id` is the class that the reviewer put there, in the outline
-- that he drew, if he drew one.
CREATE VIEW review AS
SELECT
  c.fid AS OGC_FID,
  c.geometry,
  c.uuid, c.class_id, c.class_name, c.area_m2, c.score, c.rank, c.bayes_class_id, c.bayes_class_name,
  c.entropy, c.margin, c.variation, c.n_experts, c.experts, c.support, c.x, c.y, c.row_first, c.col_first, c.run,
  coalesce(d.decision, 'undecided') AS state,
  CASE d.decision WHEN 'accept' THEN c.class_id WHEN 'reclassify' THEN d.class_id END AS final_class_id,
  d.uuid AS decision_uuid, d.user, d.time, d.seconds, d.comment
FROM candidates AS c LEFT JOIN decisions AS d ON d.id = (
  SELECT max(made.id) FROM decisions AS made
  WHERE made.candidate = c.uuid AND made.decision <> 'undo'
    AND NOT EXISTS (SELECT 1 FROM decisions AS undo WHERE undo.undoes = made.uuid)
);

-- GeoPackage readers see both, the view as a layer with the candidates' outlines.
INSERT INTO gpkg_contents (table_name, data_type, identifier, description)
VALUES ('decisions', 'attributes', 'decisions', 'Append-only log of what reviewers decided');
INSERT INTO gpkg_contents
  (table_name, data_type, identifier, description, min_x, min_y, max_x, max_y, srs_id)
SELECT 'review', 'features', 'review', 'Candidates with their current state', min_x, min_y, max_x, max_y, srs_id
FROM gpkg_contents WHERE table_name = 'candidates';
INSERT INTO gpkg_geometry_columns (table_name, column_name, geometry_type_name, srs_id, z, m)
SELECT 'review', column_name, geometry_type_name, srs_id, z, m
FROM gpkg_geometry_columns WHERE table_name = 'candidates';
