//! The clock of the benches: seconds on the wall, and seconds that this process had of its cores.

use std::time::{Duration, Instant};

/// What a round took: on the clock, and of this process on its cores.
#[derive(Clone, Copy)]
pub struct Took {
    pub clock: Duration,
    pub cores: Option<Duration>,
}

/// Time that all threads of this process, ended ones included, spent on a core; `None` where the system does not tell.
fn on_cores() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = text.rsplit_once(')')?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    // Linux counts these in hundredths of a second on every machine that Rust runs on.
    Some(Duration::from_millis(ticks * 10))
}

pub fn took(run: impl FnOnce()) -> Took {
    let (clock, cores) = (Instant::now(), on_cores());
    run();
    Took { clock: clock.elapsed(), cores: on_cores().zip(cores).map(|(after, before)| after - before) }
}
