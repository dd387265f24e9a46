-- The tables of JdbcRolloutStore, for PostgreSQL 12 or newer. To be run once, by whoever may create tables; a repeat changes nothing.
-- A controller needs SELECT, INSERT, UPDATE and DELETE on the three.

-- A row for each fleet: who may change it, and its last record.
CREATE TABLE IF NOT EXISTS rollstep_fleet (
  fleet      VARCHAR(128) PRIMARY KEY,
  fence      BIGINT NOT NULL,             -- grows with each change of owner, never shrinks
  owner      VARCHAR(128),                -- who holds the lease; null if nobody does
  until      TIMESTAMP WITH TIME ZONE,    -- when the lease ends, by the clock of the database
  version    BIGINT NOT NULL DEFAULT 0,   -- of the record; 0 if there is none yet
  unfinished BOOLEAN NOT NULL DEFAULT FALSE,
  saved_at   TIMESTAMP WITH TIME ZONE,
  state      TEXT,                        -- a key and a value on each line, the number of the format in the first
  asked      BIGINT NOT NULL DEFAULT 0    -- the number of the last request
);

-- Requests to whoever holds a fleet, until they are answered, for an hour at most. What became of the last ones is in the record.
CREATE TABLE IF NOT EXISTS rollstep_request (
  fleet    VARCHAR(128) NOT NULL,
  number   BIGINT NOT NULL,
  command  TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (fleet, number)
);

-- The controllers that are there.
CREATE TABLE IF NOT EXISTS rollstep_controller (
  name  VARCHAR(64) PRIMARY KEY,
  until TIMESTAMP WITH TIME ZONE NOT NULL
);
