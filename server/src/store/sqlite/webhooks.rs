//! Subscriptions in SQLite.

use cleartitle_schema::issuer::Domain;
use cleartitle_schema::time::Timestamp;
use rusqlite::{Row, TransactionBehavior, params};

use super::read::{column, rows};
use super::{SqliteStore, failed, lock};
use crate::store::StoreError;
use crate::store::webhooks::{Progress, Webhook, Webhooks};

const COLUMNS: &str = "id, domain, url, filter, made_at, next, due_at, failures, failing_since, failure, given_up";

fn webhook(row: &Row<'_>) -> Result<Webhook, StoreError> {
    let damaged = |what: &str| StoreError::Damaged(format!("`{what}` of a subscription can't be read back"));
    let text = |place: usize| row.get::<_, String>(place).map_err(failed);
    let number = |place: usize| row.get::<_, i64>(place).map_err(failed);
    let told = Progress {
        next: number(5)?.cast_unsigned(),
        due_at: Timestamp(number(6)?),
        failures: u32::try_from(number(7)?).map_err(|_| damaged("failures"))?,
        failing_since: row.get::<_, Option<i64>>(8).map_err(failed)?.map(Timestamp),
        failure: row.get(9).map_err(failed)?,
        given_up: row.get(10).map_err(failed)?,
    };
    Ok(Webhook {
        id: text(0)?,
        domain: text(1)?.parse().map_err(|_| damaged("domain"))?,
        url: text(2)?,
        filter: serde_json::from_str(&text(3)?).map_err(|_| damaged("filter"))?,
        made_at: Timestamp(number(4)?),
        told,
    })
}

impl Webhooks for SqliteStore {
    fn put_webhook(&self, webhook: &Webhook, most_each: usize, most: usize) -> Result<bool, StoreError> {
        let mut writer = lock(&self.writer);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let authority = webhook.domain.authority();
        let count = |sql: &str, values: &[&dyn rusqlite::ToSql]| -> Result<usize, StoreError> {
            let count: i64 = transaction.query_row(sql, values, |row| row.get(0)).map_err(failed)?;
            Ok(usize::try_from(count).unwrap_or(usize::MAX))
        };
        let each = count("SELECT count(*) FROM webhooks WHERE authority = ?1", &[&authority.as_str()])?;
        if each >= most_each || count("SELECT count(*) FROM webhooks", &[])? >= most {
            return Ok(false);
        }
        let filter = serde_json::to_string(&webhook.filter).map_err(|error| StoreError::Damaged(error.to_string()))?;
        let Webhook { id, domain, url, made_at, told, .. } = webhook;
        transaction
            .execute(
                "INSERT INTO webhooks (id, domain, authority, url, filter, made_at, next, due_at, failures, given_up)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0)",
                params![
                    id,
                    domain.as_str(),
                    authority.as_str(),
                    url,
                    filter,
                    made_at.0,
                    column(told.next),
                    told.due_at.0
                ],
            )
            .map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(true)
    }

    fn webhooks_of(&self, domain: &Domain) -> Result<Vec<Webhook>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM webhooks WHERE authority = ?1 AND domain = ?2 ORDER BY made_at, id");
        let values = [domain.authority().as_str().to_owned(), domain.as_str().to_owned()];
        self.read(|connection| rows(connection, &sql, values, webhook))
    }

    fn remove_webhook(&self, id: &str, domain: &Domain) -> Result<bool, StoreError> {
        let sql = "DELETE FROM webhooks WHERE id = ?1 AND domain = ?2";
        Ok(lock(&self.writer).execute(sql, params![id, domain.as_str()]).map_err(failed)? == 1)
    }

    fn webhooks_due(&self, size: u64, now: Timestamp, limit: usize) -> Result<Vec<Webhook>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM webhooks WHERE given_up = 0 AND due_at <= ?1 AND next < ?2 ORDER BY due_at, id LIMIT ?3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| rows(connection, &sql, params![now.0, column(size), limit], webhook))
    }

    fn note_told(&self, id: &str, told: &Progress) -> Result<(), StoreError> {
        let Progress { next, due_at, failures, failing_since, failure, given_up } = told;
        lock(&self.writer)
            .execute(
                "UPDATE webhooks SET next = ?2, due_at = ?3, failures = ?4, failing_since = ?5, failure = ?6, given_up = ?7
                 WHERE id = ?1",
                params![id, column(*next), due_at.0, failures, failing_since.map(|at| at.0), failure, given_up],
            )
            .map(|_| ())
            .map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(id: &str, domain: &str, next: u64) -> Webhook {
        Webhook {
            id: id.to_owned(),
            domain: domain.parse().unwrap(),
            url: format!("https://{domain}/hook"),
            filter: Default::default(),
            made_at: Timestamp(5),
            told: Progress { next, due_at: Timestamp(5), ..Progress::default() },
        }
    }

    #[test]
    fn a_subscription_is_due_until_it_is_told_of_all() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("registry.sqlite")).unwrap();
        let [one, two] = [subscription("1", "lab.example", 3), subscription("2", "crawl.lab.example", 9)];
        assert!(store.put_webhook(&one, 2, 10).unwrap() && store.put_webhook(&two, 2, 10).unwrap());
        assert!(
            !store.put_webhook(&subscription("3", "lab.example", 0), 2, 10).unwrap(),
            "one house's are counted together"
        );
        assert!(!store.put_webhook(&subscription("3", "other.example", 0), 2, 2).unwrap(), "and so are all");
        let due = |size, now| -> Vec<String> {
            store.webhooks_due(size, Timestamp(now), 9).unwrap().into_iter().map(|it| it.id).collect()
        };
        assert_eq!(
            (due(9, 5), due(10, 5), due(10, 4)),
            (vec!["1".to_owned()], vec!["1".to_owned(), "2".to_owned()], vec![])
        );
        let failing = Progress {
            next: 4,
            due_at: Timestamp(8),
            failures: 1,
            failing_since: Some(Timestamp(6)),
            failure: Some("500".to_owned()),
            given_up: false,
        };
        store.note_told("1", &failing).unwrap();
        assert_eq!(store.webhooks_of(&one.domain).unwrap(), [Webhook { told: failing.clone(), ..one.clone() }]);
        assert_eq!(due(10, 7), ["2"]);
        store.note_told("1", &Progress { given_up: true, ..failing }).unwrap();
        assert_eq!(due(10, 99), ["2"]);
        assert!(!store.remove_webhook("1", &two.domain).unwrap(), "nobody ends another's");
        assert!(store.remove_webhook("1", &one.domain).unwrap());
        assert_eq!(store.webhooks_of(&one.domain).unwrap(), []);
    }
}
