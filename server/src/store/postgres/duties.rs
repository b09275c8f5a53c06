//! Duties: what one server of several does at a time, held by an advisory lock for as long as its connection lives.
//!
//! A server that dies, or loses its connection, loses its duties with it, and another takes them up at its next try. Between the two a job
//! may run twice for a moment, which every one of them bears: deliveries are at least once, looks and cosignatures are repeated without harm.

use deadpool_postgres::ClientWrapper;

use super::session::{SERVING, Session};
use super::{PostgresStore, lock};
use crate::store::StoreError;
use crate::store::database::Duty;

impl PostgresStore {
    /// Whether this server has a duty, taken up now where nobody has it.
    pub(super) fn has_duty(&self, duty: Duty) -> Result<bool, StoreError> {
        let mut held = lock(&self.duties);
        if let Some(client) = held.remove(&duty)
            && self.still(&client)
        {
            held.insert(duty, client);
            return Ok(true);
        }
        let client = self.client(SERVING)?;
        let session = Session::serving(self.driver.handle()?, &client);
        // An idle connection would end, and the duty with it.
        session.run("SET idle_session_timeout = 0")?;
        let sql = "SELECT pg_try_advisory_lock(hashtext('cleartitle duty'), $1)";
        let taken = session.value(sql, &[&duty.number()])?.unwrap_or(false);
        if taken {
            held.insert(duty, client);
        }
        Ok(taken)
    }

    fn still(&self, client: &ClientWrapper) -> bool {
        let Ok(handle) = self.driver.handle() else { return false };
        Session::serving(handle, client).run("SELECT 1").is_ok()
    }
}
