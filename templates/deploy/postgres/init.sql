-- Roles with no more rights than they need. Runs at the first start, and again after a rotation of passwords
-- (scripts/set-passwords.sh): each statement may be repeated.
\set ON_ERROR_STOP on
\set app_password `cat /run/secrets/postgres_app_password`
\set reader_password `cat /run/secrets/postgres_reader_password`
\set backup_password `cat /run/secrets/postgres_backup_password`

SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY['roble_app', 'roble_reader', 'roble_backup']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

-- The API: makes its tables and writes to them.
ALTER ROLE roble_app WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 100
  PASSWORD :'app_password';
ALTER ROLE roble_app SET statement_timeout = '30s';
ALTER ROLE roble_app SET idle_in_transaction_session_timeout = '60s';
-- People and dashboards: read.
ALTER ROLE roble_reader WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 10
  PASSWORD :'reader_password';
ALTER ROLE roble_reader SET default_transaction_read_only = on;
ALTER ROLE roble_reader SET statement_timeout = '60s';
-- The backups: read all of it, for as long as it takes.
ALTER ROLE roble_backup WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 3
  PASSWORD :'backup_password';
ALTER ROLE roble_backup SET default_transaction_read_only = on;
GRANT pg_read_all_data TO roble_backup;

REVOKE ALL ON DATABASE roble FROM PUBLIC;
GRANT CONNECT ON DATABASE roble TO roble_app, roble_reader, roble_backup;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO roble_app;
GRANT USAGE ON SCHEMA public TO roble_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO roble_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE roble_app IN SCHEMA public GRANT SELECT ON TABLES TO roble_reader;
