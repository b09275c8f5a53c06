//! Subscriptions in PostgreSQL.

use cleartitle_schema::issuer::Domain;
use cleartitle_schema::time::Timestamp;
use tokio_postgres::Row;

use super::PostgresStore;
use super::read::{column, limited};
use super::session::get;
use super::usage::count;
use crate::store::StoreError;
use crate::store::webhooks::{Progress, Webhook, Webhooks};

const COLUMNS: &str = "id, domain, url, filter, made_at, next, due_at, failures, failing_since, failure, given_up";

fn webhook(row: &Row) -> Result<Webhook, StoreError> {
    let damaged = |what: &str| StoreError::Damaged(format!("`{what}` of a subscription can't be read back"));
    let told = Progress {
        next: get::<i64>(row, 5)?.cast_unsigned(),
        due_at: Timestamp(get(row, 6)?),
        failures: u32::try_from(get::<i64>(row, 7)?).map_err(|_| damaged("failures"))?,
        failing_since: get::<Option<i64>>(row, 8)?.map(Timestamp),
        failure: get(row, 9)?,
        given_up: get(row, 10)?,
    };
    Ok(Webhook {
        id: get(row, 0)?,
        domain: get::<&str>(row, 1)?.parse().map_err(|_| damaged("domain"))?,
        url: get(row, 2)?,
        filter: serde_json::from_str(get(row, 3)?).map_err(|_| damaged("filter"))?,
        made_at: Timestamp(get(row, 4)?),
        told,
    })
}

impl Webhooks for PostgresStore {
    fn put_webhook(&self, webhook: &Webhook, most_each: usize, most: usize) -> Result<bool, StoreError> {
        let authority = webhook.domain.authority();
        let authority = authority.as_str();
        let filter = serde_json::to_string(&webhook.filter).map_err(|error| StoreError::Damaged(error.to_string()))?;
        let Webhook { id, domain, url, made_at, told, .. } = webhook;
        self.transaction(|session| {
            // One at a time, or two that count together would both be the last that has room.
            session.run("LOCK TABLE webhooks IN SHARE ROW EXCLUSIVE MODE")?;
            let each = count(session, "SELECT count(*) FROM webhooks WHERE authority = $1", &[&authority])?;
            if each >= most_each || count(session, "SELECT count(*) FROM webhooks", &[])? >= most {
                return Ok(false);
            }
            session.execute(
                "INSERT INTO webhooks (id, domain, authority, url, filter, made_at, next, due_at, failures, given_up)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, false)",
                &[id, &domain.as_str(), &authority, url, &filter, &made_at.0, &column(told.next), &told.due_at.0],
            )?;
            Ok(true)
        })
    }

    fn webhooks_of(&self, domain: &Domain) -> Result<Vec<Webhook>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM webhooks WHERE authority = $1 AND domain = $2 ORDER BY made_at, id");
        let authority = domain.authority();
        self.read(|session| session.rows(&sql, &[&authority.as_str(), &domain.as_str()], webhook))
    }

    fn remove_webhook(&self, id: &str, domain: &Domain) -> Result<bool, StoreError> {
        let sql = "DELETE FROM webhooks WHERE id = $1 AND domain = $2";
        self.transaction(|session| Ok(session.execute(sql, &[&id, &domain.as_str()])? == 1))
    }

    fn webhooks_due(&self, size: u64, now: Timestamp, limit: usize) -> Result<Vec<Webhook>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM webhooks WHERE NOT given_up AND due_at <= $1 AND next < $2 ORDER BY due_at, id LIMIT $3"
        );
        self.read(|session| session.rows(&sql, &[&now.0, &column(size), &limited(limit)], webhook))
    }

    fn note_told(&self, id: &str, told: &Progress) -> Result<(), StoreError> {
        let Progress { next, due_at, failures, failing_since, failure, given_up } = told;
        let sql =
            "UPDATE webhooks SET next = $2, due_at = $3, failures = $4, failing_since = $5, failure = $6, given_up = $7
             WHERE id = $1";
        let since = failing_since.map(|at| at.0);
        self.transaction(|session| {
            session.execute(sql, &[&id, &column(*next), &due_at.0, &i64::from(*failures), &since, failure, given_up])
        })
        .map(|_| ())
    }
}
