//! Real robots.txt files: files a second, of one thread. On Linux the time is that which the thread spent on a core, so that a
//! machine with other work measures the same; elsewhere it is the clock's.

#[path = "../../signals/real_robots.rs"]
mod real_robots;

use cleartitle_schema::signals::robots::{self, Robots};
use cleartitle_schema::vocab::agents::AgentTable;
use std::time::{Duration, Instant};

/// Time on a core since the thread began; `None` where the system does not tell.
fn on_core() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// The shortest of several rounds; what else the machine does can only lengthen one.
fn shortest(rounds: usize, mut run: impl FnMut()) -> Duration {
    let round = |_| {
        let (clock, core) = (Instant::now(), on_core());
        run();
        match (core, on_core()) {
            (Some(before), Some(after)) => after - before,
            _ => clock.elapsed(),
        }
    };
    (0..rounds).map(round).min().unwrap_or_default()
}

pub fn robots_files() {
    let Some(files) = real_robots::files("the bench of robots.txt") else { return };
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    let longest = files.iter().max_by_key(|file| file.bytes.len()).map_or("none", |file| file.name.as_str());
    println!("  {} real files, {:.1} MB, the longest {longest}", files.len(), bytes as f64 / 1e6);
    let agents = AgentTable::builtin();
    let told = |what: &str, took: Duration| {
        let (files, bytes) = (files.len() as f64, bytes as f64);
        println!("{what}: {:.0} files/s, {:.0} MB/s", files / took.as_secs_f64(), bytes / 1e6 / took.as_secs_f64());
    };
    let mut found = 0;
    told(
        "  Robots::parse",
        shortest(15, || found += files.iter().filter(|it| Robots::parse(&it.bytes).is_foreign()).count()),
    );
    let mut verdicts = 0;
    told(
        "  Robots::parse and one verdict",
        shortest(15, || {
            verdicts += files.iter().filter(|it| Robots::parse(&it.bytes).may_fetch("GPTBot", "/a/b?c")).count()
        }),
    );
    let mut signals = 0;
    told(
        "  robots::parse, signals and all",
        shortest(15, || {
            signals += files.iter().map(|it| robots::parse(&it.bytes, agents).signals.len()).sum::<usize>()
        }),
    );
    println!("  ({} foreign files, {} open to GPTBot, {} signals)", found / 15, verdicts / 15, signals / 15);
}
