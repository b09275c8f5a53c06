//! Rounds: every contender in turn, round after round, its answer compared in each, and the table of what they took.

use crate::clock::Took;
use crate::python;
use std::time::{Duration, Instant};

/// What a run found out: the documents that it kept, or the questions that it had an answer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub count: u64,
    /// Over every id with the BLAKE3 of its bytes, or over every question with its answer.
    pub digest: String,
}

/// What documents a run kept, in whatever order it met them.
#[derive(Default)]
pub struct Keeping(Vec<String>);

impl Keeping {
    pub fn put(&mut self, record: &str, content: &str) {
        let record = record.trim_start_matches('<').trim_end_matches('>');
        self.0.push(format!("{record} {content}\n"));
    }

    pub fn end(mut self) -> Answer {
        self.0.sort_unstable();
        let digest = blake3::hash(self.0.concat().as_bytes()).to_hex().to_string();
        Answer { count: self.0.len() as u64, digest }
    }
}

/// The answer to questions in their order.
pub fn answered(covered: &[bool]) -> Answer {
    let bytes: Vec<u8> = covered.iter().map(|&covered| u8::from(covered)).collect();
    let count = covered.iter().filter(|&&covered| covered).count() as u64;
    Answer { count, digest: blake3::hash(&bytes).to_hex().to_string() }
}

/// One run. A base answers nothing; what writes nothing has written 0 bytes.
pub struct Run {
    pub took: Took,
    pub answer: Option<Answer>,
    pub wrote: Option<u64>,
    /// How many of what is timed there were: files as a whole are one, questions are many.
    pub count: u64,
}

/// What this thread alone takes, by a count finer than the process has.
pub fn took_here(run: impl FnOnce()) -> Took {
    let on_core = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    };
    let (clock, cores) = (Instant::now(), on_core());
    run();
    Took { clock: clock.elapsed(), cores: on_core().zip(cores).map(|(after, before)| after - before) }
}

/// How many threads of the whole machine wanted a core in the last minute: above its cores, the clock tells of others too.
pub fn load() -> String {
    let told = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    told.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown").to_owned()
}

type Turn<'a> = Box<dyn FnMut() -> Run + 'a>;

struct Contender<'a> {
    name: String,
    turn: Turn<'a>,
    runs: Vec<Run>,
}

/// In what a table gives times.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Nanoseconds,
}

/// Contenders over one corpus. The first is the base; it decides nothing.
pub struct Contest<'a> {
    title: String,
    unit: Unit,
    /// The contender that the peers are held against.
    ours: String,
    expected: Answer,
    contenders: Vec<Contender<'a>>,
    absent: Vec<(String, String)>,
    notes: &'static [&'static str],
}

impl<'a> Contest<'a> {
    /// `expected` is what every contender must answer, known before any of them has its turn.
    pub fn new(title: String, unit: Unit, ours: &str, expected: Answer, notes: &'static [&'static str]) -> Self {
        let (contenders, absent) = (Vec::new(), Vec::new());
        Self { title, unit, ours: ours.to_owned(), expected, contenders, absent, notes }
    }

    pub fn add(&mut self, name: &str, turn: impl FnMut() -> Run + 'a) {
        self.contenders.push(Contender { name: name.to_owned(), turn: Box::new(turn), runs: Vec::new() });
    }

    /// A contender that needs Python: without it, it is told and counted.
    pub fn add_python(&mut self, name: &str, python: Option<python::Peer>) {
        match python {
            Some(mut peer) => self.add(name, move || peer.run()),
            None => {
                let corpus = self.title.split(':').next().unwrap_or_default();
                python::not_run(&format!("{corpus}: {name}"));
                self.absent.push((name.to_owned(), python::WHY.to_owned()));
            }
        }
    }

    /// Runs all in turn: once to warm up and to compare, then so many rounds that are timed, each compared again.
    pub fn run(mut self, rounds: usize) -> usize {
        println!("\n== {}", self.title);
        for round in 0..=rounds {
            for contender in &mut self.contenders {
                let run = (contender.turn)();
                if let Some(answer) = &run.answer {
                    assert_eq!(
                        *answer, self.expected,
                        "{}: `{}` does not answer as it must (left: what it answers)",
                        self.title, contender.name
                    );
                }
                if round > 0 {
                    contender.runs.push(run);
                }
            }
        }
        let answering = self.contenders.len() - 1;
        println!("{answering} contenders give the same answer, {} in it: checked in every round", self.expected.count);
        self.table();
        for (name, why) in &self.absent {
            println!("  {name:<44} not run: {why}");
        }
        self.notes.iter().for_each(|note| println!("  * {note}"));
        self.absent.len()
    }

    fn table(&self) {
        let Some(base) = self.contenders.first().filter(|base| !base.runs.is_empty()) else { return };
        let ours = self.contenders.iter().find(|contender| contender.name == self.ours).unwrap_or(base);
        let unit = if self.unit == Unit::Seconds { "seconds" } else { "ns each" };
        let (rounds, load) = (base.runs.len(), load());
        println!(
            "  median of {rounds} rounds (least to most); ratios are taken within each round; load at its end {load}"
        );
        let (first, second) = ("speed of the base", "times as long as ours");
        println!("  {:<44}        {unit:<26} {first:<22} {second:<22} MB written", "");
        for contender in &self.contenders {
            for (kind, of) in [("clock", clock as Of), ("cores", cores)] {
                let each: Vec<f64> = contender.runs.iter().filter_map(|run| self.each(run, of)).collect();
                if each.is_empty() {
                    continue;
                }
                let of_base = ratio(&self.ratios(base, contender, of));
                let of_ours = ratio(&self.ratios(contender, ours, of));
                let wrote = contender.runs.first().and_then(|run| run.wrote).filter(|_| kind == "clock");
                let wrote = wrote.map_or_else(String::new, |bytes| format!("{:>10.1}", bytes as f64 / 1e6));
                let name = if kind == "clock" { contender.name.as_str() } else { "" };
                let each = spread(&each, if self.unit == Unit::Seconds { 3 } else { 0 });
                println!("  {name:<44} {kind}  {each:<26} {of_base:<22} {of_ours:<22} {wrote}");
            }
        }
    }

    /// How many times as long one took as another, round by round.
    fn ratios(&self, one: &Contender<'_>, other: &Contender<'_>, of: Of) -> Vec<f64> {
        let pairs = one.runs.iter().zip(&other.runs);
        pairs.filter_map(|(one, other)| Some(self.each(one, of)? / self.each(other, of)?)).collect()
    }

    fn each(&self, run: &Run, of: Of) -> Option<f64> {
        let seconds = of(&run.took)?.as_secs_f64() / run.count.max(1) as f64;
        Some(if self.unit == Unit::Seconds { seconds } else { seconds * 1e9 })
    }
}

/// One of the two times of a run.
type Of = fn(&Took) -> Option<Duration>;

fn clock(took: &Took) -> Option<Duration> {
    Some(took.clock)
}

fn cores(took: &Took) -> Option<Duration> {
    took.cores
}

fn median(all: &[f64]) -> Option<f64> {
    let mut all = all.to_vec();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied()
}

fn spread(all: &[f64], digits: usize) -> String {
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    let most = all.iter().copied().fold(0.0, f64::max);
    median(all).map_or_else(String::new, |median| format!("{median:.digits$} ({least:.digits$} to {most:.digits$})"))
}

/// Ratios far below 1 are told by more digits.
fn ratio(all: &[f64]) -> String {
    spread(all, if median(all).is_some_and(|median| median < 0.1) { 3 } else { 2 })
}
