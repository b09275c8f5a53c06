-- Primary: what the registry can't make again.
CREATE TABLE registry (name TEXT COLLATE "C" PRIMARY KEY, value TEXT NOT NULL);
-- Where the log ends: one row, compared and swapped by every commit of every server.
CREATE TABLE log_head (
    one SMALLINT PRIMARY KEY CHECK (one = 1),
    size BIGINT NOT NULL,
    root BYTEA NOT NULL,
    registered_at BIGINT NOT NULL
);
CREATE TABLE leaves (idx BIGINT PRIMARY KEY, leaf BYTEA NOT NULL, registered_at BIGINT NOT NULL);
CREATE INDEX leaves_by_time ON leaves (registered_at, idx);
CREATE TABLE published (commitment BYTEA PRIMARY KEY, blob BYTEA NOT NULL);
CREATE TABLE lists (list BYTEA PRIMARY KEY, bytes BYTEA NOT NULL);
CREATE TABLE checkpoints (size BIGINT PRIMARY KEY, root BYTEA NOT NULL, note TEXT NOT NULL);
-- Bytes of evidence that registered statements name, each under its own digest.
CREATE TABLE evidence (blob BYTEA PRIMARY KEY, bytes BYTEA NOT NULL);
-- What witnesses said of checkpoints, by checkpoint size; the newest of each witness for each size.
CREATE TABLE cosignatures (
    size BIGINT NOT NULL,
    witness TEXT COLLATE "C" NOT NULL,
    operator TEXT COLLATE "C" NOT NULL,
    time BIGINT NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (size, witness)
);
CREATE INDEX cosignatures_by_witness ON cosignatures (witness, size);
-- The newest checkpoint that reached the quorum, so that none before it is shown again.
CREATE TABLE witnessed (one SMALLINT PRIMARY KEY CHECK (one = 1), size BIGINT NOT NULL);
-- Salts and envelopes of sealed leaves, held for their parties and given to nobody else.
CREATE TABLE sealed (commitment BYTEA PRIMARY KEY, blob BYTEA NOT NULL);
-- Which sealed statements were erased, so that none comes back by being sent again. Kept apart from the log, which must not tell
-- what a sealed leaf was.
CREATE TABLE sealed_erased (id BYTEA PRIMARY KEY, commitment BYTEA NOT NULL);
-- Usage reports, for who sent them and for who is paid by them. Nothing public reads these tables; the log has a salted commitment to
-- each envelope, and not what it is.
CREATE TABLE usage_reports (
    number BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    authority TEXT COLLATE "C" NOT NULL,
    salt BYTEA NOT NULL,
    envelope BYTEA NOT NULL
);
CREATE INDEX usage_by_authority ON usage_reports (authority);
CREATE TABLE usage_readers (domain TEXT COLLATE "C" NOT NULL, number BIGINT NOT NULL, PRIMARY KEY (domain, number));

-- Derived: `rebuild` makes these again from the above. Columns stand as in SQLite, so that both dump the same text.
CREATE TABLE tiles (level SMALLINT NOT NULL, idx BIGINT NOT NULL, bytes BYTEA NOT NULL, PRIMARY KEY (level, idx));
CREATE TABLE statements (
    idx BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    commitment BYTEA NOT NULL,
    issuer TEXT COLLATE "C" NOT NULL,
    authority TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    registered_at BIGINT NOT NULL,
    signed_by TEXT NOT NULL,
    tenure_from BIGINT,
    payload BYTEA NOT NULL,
    under TEXT NOT NULL,
    speaks_for TEXT
);
CREATE INDEX statements_by_issuer ON statements (issuer, idx);
CREATE INDEX statements_by_kind ON statements (kind, idx);
CREATE TABLE names (
    named BYTEA NOT NULL,
    idx BIGINT NOT NULL,
    relation TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (named, idx, relation)
);
CREATE TABLE bindings (
    idx BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    key_id BYTEA NOT NULL,
    domain TEXT COLLATE "C" NOT NULL,
    key TEXT NOT NULL,
    proof TEXT NOT NULL,
    bound_at BIGINT NOT NULL,
    new_tenure BOOLEAN NOT NULL,
    ended_idx BIGINT,
    ended_at BIGINT,
    cause TEXT
);
CREATE INDEX bindings_by_domain ON bindings (domain, idx);
CREATE INDEX bindings_by_key ON bindings (key_id, idx);
-- By far the most rows: a batch has up to hundreds of thousands. A look-up by name asks one part.
CREATE TABLE documents (
    kind SMALLINT NOT NULL,
    name BYTEA NOT NULL,
    idx BIGINT NOT NULL,
    line BIGINT NOT NULL,
    start BIGINT NOT NULL,
    length BIGINT NOT NULL,
    PRIMARY KEY (kind, name, idx, line)
) PARTITION BY HASH (name);
DO $$
BEGIN
    FOR part IN 0..15 LOOP
        EXECUTE format('CREATE TABLE documents_%s PARTITION OF documents FOR VALUES WITH (MODULUS 16, REMAINDER %s)', part, part);
    END LOOP;
END
$$;
CREATE TABLE claims (kind SMALLINT NOT NULL, name BYTEA NOT NULL, idx BIGINT NOT NULL, PRIMARY KEY (kind, name, idx));
-- Which authority showed which bytes under its own hosts first where: its own signed record, or the registry's look.
CREATE TABLE showings (
    kind SMALLINT NOT NULL,
    name BYTEA NOT NULL,
    authority TEXT COLLATE "C" NOT NULL,
    idx BIGINT NOT NULL,
    PRIMARY KEY (kind, name, authority)
);
-- Which statements name which evidence.
CREATE TABLE exhibits (blob BYTEA NOT NULL, idx BIGINT NOT NULL, PRIMARY KEY (blob, idx));
-- Where each sealed leaf stands; what is held of them, apart from all that is public; and whose it is.
CREATE TABLE sealed_leaves (commitment BYTEA PRIMARY KEY, idx BIGINT NOT NULL);
CREATE TABLE sealed_statements (
    idx BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    commitment BYTEA NOT NULL,
    registered_at BIGINT NOT NULL,
    signed_by TEXT NOT NULL,
    tenure_from BIGINT,
    payload BYTEA NOT NULL,
    under TEXT NOT NULL,
    speaks_for TEXT
);
CREATE TABLE sealed_parties (domain TEXT COLLATE "C" NOT NULL, idx BIGINT NOT NULL, PRIMARY KEY (domain, idx));

-- Ephemeral: what the last looks at the domains' own publications came to; nonces of signed requests until the signatures that they
-- stood in are over; who is told of changes where, and how far each has been told. Lost, they are asked for again.
CREATE TABLE proof_checks (binding BYTEA PRIMARY KEY, at BIGINT NOT NULL, missing_since BIGINT, unreachable_since BIGINT);
CREATE TABLE nonces (
    key_id BYTEA NOT NULL,
    nonce TEXT COLLATE "C" NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (key_id, nonce)
);
CREATE INDEX nonces_by_time ON nonces (until);
CREATE TABLE webhooks (
    id TEXT COLLATE "C" PRIMARY KEY,
    domain TEXT COLLATE "C" NOT NULL,
    authority TEXT COLLATE "C" NOT NULL,
    url TEXT NOT NULL,
    filter TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    next BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    failing_since BIGINT,
    failure TEXT,
    given_up BOOLEAN NOT NULL
);
CREATE INDEX webhooks_by_authority ON webhooks (authority);
CREATE INDEX webhooks_by_due ON webhooks (given_up, due_at);
